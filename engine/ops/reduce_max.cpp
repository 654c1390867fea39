#include <limits>

#include "engine/ops/extremum.h"
#include "engine/ops/reduction.h"

namespace dormouse::engine {
namespace {

template <class T>
void compute(const KernelContext& context) noexcept {
  using Limits = std::numeric_limits<T>;
  reduce<Larger>(context, Limits::has_infinity ? -Limits::infinity() : Limits::lowest());
}

}  // namespace

namespace ops {
extern const Op reduce_max{
    .name = "ReduceMax",
    .max_inputs = 2,
    .infer = infer_reduction,
    .kernels = kernels_for(Numeric{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = extremum_reduction_gradient,
    .samples = reduction_samples()};
}  // namespace ops

}  // namespace dormouse::engine
