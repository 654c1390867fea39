#include "learning/loss.h"

namespace dormouse::learning {
namespace {

/// Each element's share: its row's weight over all weights, by K.
Value shares(Value answers, Value weights) {
  const Value column = engine::unsqueeze(weights, {1});
  const double width = static_cast<double>(answers.shape()[1]);
  return column / (engine::reduce_sum(weights, {0}, false) * width);
}

Value weighted_mean(Value elements, Value weights) {
  return engine::reduce_sum(elements * shares(elements, weights), {0, 1}, false);
}

/// Towards 1 / `choices` each.
Value smoothed(Value targets, double smoothing, double choices) {
  return smoothing > 0 ? targets * (1 - smoothing) + smoothing / choices : targets;
}

Value magnitude(Value x) { return engine::apply("Abs", {x}); }

Value huber(Value error, double delta) {
  const Value size = magnitude(error);
  const Value square = error * error * 0.5, line = (size + -delta / 2) * delta;
  return engine::where(engine::greater(size, engine::scalar_like(size, delta)), line, square);
}

}  // namespace

Value append_loss(const LossOptions& options, Value answers, Value targets, Value weights) {
  const Value error = answers - targets;
  switch (options.kind) {
    case LossKind::cross_entropy: {
      const Value wanted = smoothed(targets, options.smoothing, static_cast<double>(answers.shape()[1]));
      return engine::apply("SoftmaxCrossEntropy", {answers, wanted, weights}, {}, "dormouse");
    }
    case LossKind::binary_cross_entropy: {
      // -t·log σ(a) - (1 - t)·log(1 - σ(a)) = log(1 + eᵃ) - t·a
      const Value wanted = smoothed(targets, options.smoothing, 2);
      return weighted_mean(engine::apply("Softplus", {answers}) - wanted * answers, weights);
    }
    case LossKind::mse:
      return weighted_mean(error * error, weights);
    case LossKind::mae:
      return weighted_mean(magnitude(error), weights);
    case LossKind::huber:
      return weighted_mean(huber(error, options.huber_delta), weights);
  }
  ensure(false, "a loss of the enumeration");
  std::abort();
}

Value append_distillation(Value student, Value teacher, double temperature) {
  const Value wanted = engine::log_softmax(teacher * (1 / temperature));
  const Value given = engine::log_softmax(student * (1 / temperature));
  const Value rows = engine::reduce_sum(engine::exp(wanted) * (wanted - given), {1}, false);
  return engine::reduce_mean(rows, {0}, false) * (temperature * temperature);
}

}  // namespace dormouse::learning
