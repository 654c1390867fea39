#include "engine/ops/class_loss.h"
#include "engine/ops/softmax_axis.h"

/// SoftmaxCrossEntropyLoss(scores, labels, weights?): the class loss of log softmax(scores), which is its
/// second output.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  infer_class_loss(context);
  context.has_shape(0) ? context.set_output(1, context.dtype(0), context.shape(0))
                       : context.set_output(1, context.dtype(0));
}

bool gives_log_p(const KernelContext& context) {
  return context.outputs.size() > 1 && context.outputs[1].present();
}

std::size_t scratch(const KernelContext& context) {
  return gives_log_p(context) ? 0 : static_cast<std::size_t>(context.shape(0).elements()) * sizeof(double);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  T* const log_p =
      gives_log_p(context) ? context.out<T>(1).data() : reinterpret_cast<T*>(context.scratch.data());
  log_softmax_lines(Lines(context.shape(0), 1), context.in<T>(0).data(), log_p);
  class_losses<T>(context, log_p);
}

// What arrives at log p goes on through log softmax.
Gradients gradient(const GradientContext& context) {
  const Value log_p = log_softmax(context.input(0), 1);
  Gradients result(1);
  if (context.upstream(0)) result = class_loss_gradient(context, log_p);
  const bool second = context.node().outputs.size() > 1 && context.upstream(1);
  if (second) result[0] = result[0] ? result[0] + context.upstream(1) : context.upstream(1);
  result[0] = result[0] - exp(log_p) * reduce_sum(result[0], {1}, true);
  return result;
}

}  // namespace

namespace ops {
extern const Op softmax_cross_entropy_loss{
    .name = "SoftmaxCrossEntropyLoss",
    .since = 12,
    .min_inputs = 2,
    .max_inputs = 3,
    .max_outputs = 2,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .scratch = scratch,
    .samples = class_loss_samples()};
}  // namespace ops

}  // namespace dormouse::engine
