#pragma once

#include <memory>
#include <span>
#include <string>

#include "engine/tensor.h"

namespace dormouse::engine {

bool is_gzip(std::span<const std::byte> bytes);

/// Unpacks a gzip file (RFC 1952; several members are one content) piece by piece, as much as the caller has
/// room for. Not thread-safe. Borrows `packed`. Every call throws Failure(corrupt) naming the file when it is
/// damaged.
class Gunzip {
 public:
  Gunzip(std::span<const std::byte> packed, std::string name);
  ~Gunzip();
  Gunzip(Gunzip&&) noexcept;
  Gunzip& operator=(Gunzip&&) noexcept;

  /// The next to.size() bytes; Failure(corrupt) when there are fewer.
  void fill(std::span<std::byte> to);
  /// Failure(corrupt) unless this was all, and its checksum is right.
  void finish();
  /// What this file can unpack to at most: nothing says so much in fewer bytes.
  std::uint64_t most() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dormouse::engine
