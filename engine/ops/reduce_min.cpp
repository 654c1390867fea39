#include <limits>

#include "engine/ops/extremum.h"
#include "engine/ops/reduction.h"

namespace dormouse::engine {
namespace {

template <class T>
void compute(const KernelContext& context) noexcept {
  using Limits = std::numeric_limits<T>;
  reduce<Smaller>(context, Limits::has_infinity ? Limits::infinity() : Limits::max());
}

}  // namespace

namespace ops {
extern const Op reduce_min{
    .name = "ReduceMin",
    .max_inputs = 2,
    .infer = infer_reduction,
    .kernels = kernels_for(Numeric{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = extremum_reduction_gradient,
    .samples = reduction_samples()};
}  // namespace ops

}  // namespace dormouse::engine
