#include <algorithm>
#include <cmath>

#include "engine/ops/inference.h"

/// SoftmaxCrossEntropy(logits [N, C], targets [N, C], weights [N]?): the mean over rows, weighted if weights
/// are given, of -Σ targets · log softmax(logits). A scalar; 0 when the weights sum to 0 or there are no
/// rows.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  const DType type = context.dtype(0);
  context.require(context.dtype(1) == type && (!context.has_input(2) || context.dtype(2) == type),
                  "inputs differ in type");
  if (context.has_shape(0) && context.has_shape(1)) {
    const Shape &logits = context.shape(0), &targets = context.shape(1);
    context.require(logits.rank() == 2 && targets.rank() == 2, "expects logits and targets [rows, classes]");
    for (std::size_t d = 0; d < 2; ++d)
      context.require(compatible(logits[d], targets[d]), "logits and targets differ in shape");
    if (context.has_input(2) && context.has_shape(2)) {
      const Shape& weights = context.shape(2);
      context.require(weights.rank() == 1, "expects weights [rows]");
      context.require(compatible(weights[0], logits[0]), "there is not one weight per row");
    }
  }
  context.set_output(0, type, Shape{});
}

template <class T>
T row_loss(std::span<const T> logits, std::span<const T> targets) {
  if (logits.empty()) return 0;
  const T highest = *std::ranges::max_element(logits);
  T sum = 0;
  for (const T logit : logits) sum += std::exp(logit - highest);
  const T shift = highest + std::log(sum);
  T loss = 0;
  for (std::size_t c = 0; c < logits.size(); ++c)
    if (targets[c] != 0) loss -= targets[c] * (logits[c] - shift);  // 0 · -inf is 0 here
  return loss;
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const std::size_t rows = static_cast<std::size_t>(context.shape(0)[0]);
  const std::size_t classes = static_cast<std::size_t>(context.shape(0)[1]);
  T sum = 0, total = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const T weight = context.has_input(2) ? context.in<T>(2)[row] : T{1};
    if (weight == 0) continue;
    sum += weight * row_loss(context.in<T>(0).subspan(row * classes, classes),
                             context.in<T>(1).subspan(row * classes, classes));
    total += weight;
  }
  context.out<T>(0)[0] = total != 0 ? sum / total : T{0};
}

// Each row's share of the mean, [N, 1].
Value shares(const GradientContext& context) {
  const Value logits = context.input(0);
  const Value column = reduce_sum(logits, {1}, true);
  if (!context.has_input(2)) {
    const Value ones = broadcast_to(scalar_like(logits, 1), column);
    return ones / reduce_sum(ones, {0, 1}, false);
  }
  const Value weights = reshape_to(context.input(2), column), one = scalar_like(logits, 1);
  const Value total = reduce_sum(weights, {0, 1}, false), magnitude = apply("Abs", {total});
  return weights / where(greater(magnitude, scalar_like(logits, 0)), total, one);
}

Gradients gradient(const GradientContext& context) {
  const Value logits = context.input(0), targets = context.input(1), upstream = context.upstream();
  const Value log_p = log_softmax(logits), share = upstream * shares(context);
  const Value d_logits = share * (reduce_sum(targets, {1}, true) * softmax(logits) - targets);
  Gradients result{d_logits, -(share * log_p)};
  if (context.has_input(2)) {
    const Value loss = -reduce_sum(targets * log_p, {1}, false);
    const Value total = reduce_sum(context.input(2), {0}, false);
    result.push_back(upstream * (loss - context.output(0)) / total);
  }
  return result;
}

}  // namespace

namespace ops {
extern const Op softmax_cross_entropy{
    .name = "SoftmaxCrossEntropy",
    .domain = "dormouse",
    .min_inputs = 2,
    .max_inputs = 3,
    .infer = infer,
    .kernels = kernels<float, double>(compute<float>, compute<double>),
    .gradient = gradient,
    .samples = {{.shapes = {{4, 3}, {4, 3}}}, {.shapes = {{4, 3}, {4, 3}, {4}}, .low = 0.1}}};
}  // namespace ops

}  // namespace dormouse::engine
