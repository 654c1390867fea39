#include "engine/ops/extremum.h"

namespace dormouse::engine {
namespace {

// NaN wins, as in NumPy.
struct Larger {
  template <class T>
  T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};

}  // namespace

namespace ops {
extern const Op max{
    .name = "Max",
    .since = 8,
    .max_inputs = SIZE_MAX,
    .infer = infer_broadcast,
    .kernels = variadic_kernels<Larger>(Numeric{}),
    .gradient = extremum_gradient,
    .samples = {{.shapes = {{2, 3}}}, {.shapes = {{2, 3}, {2, 3}}}, {.shapes = {{4, 1}, {3}, {2, 4, 3}}}}};
}  // namespace ops

}  // namespace dormouse::engine
