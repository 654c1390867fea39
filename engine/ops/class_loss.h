#pragma once

#include <cstdint>

#include "engine/kernels/lines.h"
#include "engine/ops/inference.h"
#include "engine/ops/types.h"

/// What NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss share: of scores [N, C, D…] and labels [N, D…]
/// the loss -weight[label] · log p[label] of each label; as they are (reduction "none"), their "sum", or
/// their "mean", which divides by the sum of the weights. Labels that equal ignore_index count for nothing;
/// the loss of a label that is no class is NaN.
namespace dormouse::engine {

/// Checks everything and sets the loss; further outputs are the operator's.
void infer_class_loss(InferContext& context);

/// The loss's gradients with respect to log p and, where they are given, the weights; no gradient for labels.
Gradients class_loss_gradient(const GradientContext& context, Value log_p);

/// Scores, labels and weights in the combinations that conformance runs.
std::vector<Sample> class_loss_samples();

/// A label of type i32 or i64.
std::int64_t label_at(const View& labels, std::size_t i);

enum class Reduction { none, sum, mean };
Reduction reduction_of(const Attributes& attributes);  ///< ensure()d by infer_class_loss()

/// Writes the loss, output 0, of `log_p` [N, C, D…].
template <class T>
void class_losses(const KernelContext& context, const T* log_p) noexcept {
  const Lines lines(context.shape(0), 1);
  const Reduction reduction = reduction_of(context.attributes);
  const std::int64_t* const ignored = context.attributes.find<std::int64_t>("ignore_index");
  const std::span<T> out = context.out<T>(0);
  T sum = 0, total = 0;
  lines.each([&](std::int64_t first, std::int64_t number) {
    const std::int64_t label = label_at(context.inputs[1], static_cast<std::size_t>(number));
    T loss = 0, weight = 0;
    if (!ignored || label != *ignored) {
      const bool known = label >= 0 && label < lines.length;
      weight = known && context.has_input(2) ? context.in<T>(2)[static_cast<std::size_t>(label)] : T{1};
      loss = known ? -weight * log_p[first + label * lines.inner_count] : std::numeric_limits<T>::quiet_NaN();
    }
    if (reduction == Reduction::none) out[static_cast<std::size_t>(number)] = loss;
    sum += loss;
    total += weight;
  });
  if (reduction != Reduction::none) out[0] = reduction == Reduction::mean ? sum / total : sum;
}

}  // namespace dormouse::engine
