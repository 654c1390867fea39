#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/function_ref.h"

namespace dormouse::engine {

/// Threads that share the work of one kernel, the calling one among them.
///
/// Thread-safe: calls from several threads wait for each other. A task must neither throw
/// nor call back into it.
class Parallel {
 public:
  virtual ~Parallel() = default;
  virtual std::size_t threads() const = 0;
  /// What a part has to cost, in the unit of parts_of(), for a thread to be woken for it.
  virtual std::int64_t worthwhile() const = 0;
  /// Calls task(i) for every i below `tasks`, several at once and in any order; returns when all are done.
  virtual void run(std::size_t tasks, FunctionRef<void(std::size_t)> task) const = 0;
};

/// A driver that is one, too, lets the portable kernels between its programs use its threads.
class LendsThreads {
 public:
  virtual ~LendsThreads() = default;
  /// They live as long as the driver. Null: there is but the calling one.
  virtual const Parallel* lent() const = 0;
};

/// How many parts `items` are cut into, at most one a thread, none so small that waking a thread takes
/// longer. `cost` is an item's, in bytes read and written or in multiplications of a dense product: a core
/// does some twenty of either in a nanosecond.
std::int64_t parts_of(const Parallel* parallel, std::int64_t items, std::int64_t cost);

struct Run {
  std::int64_t first, end;
};
/// The items of one of `parts` even runs of [0, items).
Run run_of(std::int64_t parts, std::int64_t items, std::int64_t part);

/// Items [first, end) are the work of this part.
using Part = FunctionRef<void(std::int64_t part, std::int64_t first, std::int64_t end)>;

/// Calls f for `parts` even runs of [0, items), as parts_of() counts them; the only one on the calling
/// thread.
void in_parts(const Parallel* parallel, std::int64_t parts, std::int64_t items, Part f);

}  // namespace dormouse::engine
