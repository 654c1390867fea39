#include "engine/ops/class_loss.h"

namespace dormouse::engine {
namespace {

template <class T>
void compute(const KernelContext& context) noexcept {
  class_losses<T>(context, context.in<T>(0).data());
}

Gradients gradient(const GradientContext& context) { return class_loss_gradient(context, context.input(0)); }

}  // namespace

namespace ops {
extern const Op negative_log_likelihood_loss{
    .name = "NegativeLogLikelihoodLoss",
    .since = 12,
    .min_inputs = 2,
    .max_inputs = 3,
    .infer = infer_class_loss,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = class_loss_samples()};
}  // namespace ops

}  // namespace dormouse::engine
