#include "engine/ops/extremum.h"

namespace dormouse::engine {
namespace {

// NaN wins, as in NumPy.
struct Smaller {
  template <class T>
  T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
};

}  // namespace

namespace ops {
extern const Op min{
    .name = "Min",
    .since = 8,
    .max_inputs = SIZE_MAX,
    .infer = infer_broadcast,
    .kernels = variadic_kernels<Smaller>(Numeric{}),
    .gradient = extremum_gradient,
    .samples = {{.shapes = {{2, 3}}}, {.shapes = {{2, 3}, {2, 3}}}, {.shapes = {{4, 1}, {3}, {2, 4, 3}}}}};
}  // namespace ops

}  // namespace dormouse::engine
