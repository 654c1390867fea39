#include "engine/parallel.h"

#include <algorithm>

namespace dormouse::engine {

std::int64_t parts_of(const Parallel* parallel, std::int64_t items, std::int64_t cost) {
  if (!parallel || items <= 1) return 1;
  const std::int64_t least =
      std::max<std::int64_t>(1, parallel->worthwhile() / std::max<std::int64_t>(1, cost));
  return std::clamp<std::int64_t>(items / least, 1, static_cast<std::int64_t>(parallel->threads()));
}

Run run_of(std::int64_t parts, std::int64_t items, std::int64_t part) {
  const std::int64_t each = items / parts, more = items % parts, first = part * each + std::min(part, more);
  return {first, first + each + (part < more ? 1 : 0)};
}

void in_parts(const Parallel* parallel, std::int64_t parts, std::int64_t items, Part f) {
  if (parts <= 1) return f(0, 0, items);
  parallel->run(static_cast<std::size_t>(parts), [=](std::size_t i) {
    const auto part = static_cast<std::int64_t>(i);
    const auto [first, end] = run_of(parts, items, part);
    f(part, first, end);
  });
}

}  // namespace dormouse::engine
