#include "engine/ops/extremum.h"

namespace dormouse::engine::ops {
extern const Op max{
    .name = "Max",
    .since = 8,
    .max_inputs = SIZE_MAX,
    .infer = infer_broadcast,
    .kernels = variadic_kernels<Larger>(Numeric{}),
    .gradient = extremum_gradient,
    .elementwise = true,
    .samples = {{.shapes = {{2, 3}}}, {.shapes = {{2, 3}, {2, 3}}}, {.shapes = {{4, 1}, {3}, {2, 4, 3}}}}};
}  // namespace dormouse::engine::ops
