#include "engine/ops/extremum.h"

namespace dormouse::engine::ops {
extern const Op min{
    .name = "Min",
    .since = 8,
    .max_inputs = SIZE_MAX,
    .infer = infer_broadcast,
    .kernels = variadic_kernels<Smaller>(Numeric{}),
    .gradient = extremum_gradient,
    .elementwise = true,
    .samples = {{.shapes = {{2, 3}}}, {.shapes = {{2, 3}, {2, 3}}}, {.shapes = {{4, 1}, {3}, {2, 4, 3}}}}};
}  // namespace dormouse::engine::ops
