#include "engine/kernels/strided.h"

namespace dormouse::engine {

std::vector<std::int64_t> broadcast_strides(const Shape& from, const Shape& to) {
  std::vector<std::int64_t> result(to.rank(), 0);
  const std::vector<std::int64_t> own = strides(from);
  const std::size_t lead = to.rank() - from.rank();
  for (std::size_t d = 0; d < from.rank(); ++d) result[lead + d] = from[d] == 1 ? 0 : own[d];
  return result;
}

}  // namespace dormouse::engine
