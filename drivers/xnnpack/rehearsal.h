#pragma once

#include <cstddef>
#include <memory>

#include "engine/driver.h"

struct xnn_allocator;

namespace dormouse::drivers::xnnpack {

/// What XNNPACK is to take its memory by: the system's, but for a thread that rehearses.
const xnn_allocator& allocator();

/// While it lives, programs that this thread makes show what they take without taking it: weights are packed
/// and workspaces are zeroed into one small piece of memory again and again. Such a program must not run, and
/// must go before its rehearsal.
class Rehearsal {
 public:
  Rehearsal();
  ~Rehearsal();
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;

  /// This thread's, or null.
  static Rehearsal* current();
  engine::ProgramMemory taken() const;

  /// Where weights of so many bytes may be packed; counted.
  std::byte* weights(std::size_t bytes);

 private:
  friend struct Allocate;
  struct Blocks;
  std::unique_ptr<Blocks> blocks_;
  engine::ProgramMemory taken_;
};

}  // namespace dormouse::drivers::xnnpack
