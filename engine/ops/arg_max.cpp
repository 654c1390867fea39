#include <functional>

#include "engine/ops/arg_extremum.h"

namespace dormouse::engine::ops {
extern const Op arg_max = arg_extremum_op<std::greater<>>("ArgMax");
}  // namespace dormouse::engine::ops
