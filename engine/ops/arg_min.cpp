#include <functional>

#include "engine/ops/arg_extremum.h"

namespace dormouse::engine::ops {
extern const Op arg_min = arg_extremum_op<std::less<>>("ArgMin");
}  // namespace dormouse::engine::ops
