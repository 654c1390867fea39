#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace dormouse::engine {

/// Threads that share the work of one kernel, the calling one among them.
///
/// Thread-safe: calls from several threads wait for each other. A task must not call back into it.
class Parallel {
 public:
  virtual ~Parallel() = default;
  virtual std::size_t threads() const = 0;
  /// Calls task(i) for every i below `tasks`, several at once and in any order; returns when all are done.
  virtual void run(std::size_t tasks, const std::function<void(std::size_t)>& task) const = 0;
};

/// How many parts `items` are cut into, each item costing about `cost` multiplications or bytes: at most one
/// a thread, and none so small that waking a thread takes longer. Follows from the extents and the number of
/// threads alone, so that sums over parts are the same every time.
inline std::int64_t parts_of(const Parallel* parallel, std::int64_t items, std::int64_t cost) {
  constexpr std::int64_t kWorthwhile = 100'000;
  if (!parallel || items <= 1) return 1;
  const std::int64_t least = std::max<std::int64_t>(1, kWorthwhile / std::max<std::int64_t>(1, cost));
  return std::clamp<std::int64_t>(items / least, 1, static_cast<std::int64_t>(parallel->threads()));
}

/// Calls f(part, first, end) for `parts` even runs of [0, items), as parts_of() counts them.
template <class F>
void in_parts(const Parallel* parallel, std::int64_t parts, std::int64_t items, F f) {
  if (parts <= 1) return f(std::int64_t{0}, std::int64_t{0}, items);
  parallel->run(static_cast<std::size_t>(parts), [&](std::size_t i) {
    const auto part = static_cast<std::int64_t>(i);
    const std::int64_t each = items / parts, more = items % parts;
    const std::int64_t first = part * each + std::min(part, more);
    f(part, first, first + each + (part < more ? 1 : 0));
  });
}

}  // namespace dormouse::engine
