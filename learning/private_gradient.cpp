#include "learning/private_gradient.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/autodiff.h"
#include "engine/value.h"
#include "learning/linear_layer.h"
#include "learning/step.h"

namespace dormouse::learning {
namespace {

using engine::Graph;
using engine::Value;
using engine::ValueId;

Value squared_norm(std::span<const ValueId> gradients, Graph& graph) {
  Value sum;
  for (const ValueId id : gradients) {
    const Value gradient{&graph, id};
    std::vector<std::int64_t> axes(gradient.shape().rank());
    for (std::size_t axis = 0; axis < axes.size(); ++axis) axes[axis] = std::int64_t(axis);
    const Value own = axes.empty() ? gradient * gradient : reduce_sum(gradient * gradient, axes, false);
    sum = sum ? sum + own : own;
  }
  return sum;
}

/// Inputs latent [1, D], parameters, target [1, C]; outputs a gradient for each parameter, clipped together.
Graph clipped_gradients(const Graph& part, std::span<const ValueId> parameters, double clip) {
  Graph graph = part;
  const Value logits{&graph, part.outputs().at(0)};
  for (const ValueId id : parameters) graph.constant_to_input(id);
  const Value target{&graph, graph.add_input("target", engine::DType::f32, logits.shape())};
  const Value loss = engine::apply("SoftmaxCrossEntropy", {logits, target}, {}, "dormouse");
  const std::vector<ValueId> gradients = engine::differentiate(graph, loss.id, parameters);
  const Value norm = sqrt(squared_norm(gradients, graph));
  const Value bound = scalar_like(norm, clip);
  const Value factor = where(greater(norm, bound), bound / norm, scalar_like(norm, 1));
  std::vector<ValueId> outputs;
  for (const ValueId id : gradients) outputs.push_back((Value{&graph, id} * factor).id);
  graph.set_outputs(std::move(outputs));
  return graph;
}

bool finite(std::span<const Tensor> tensors) {
  return std::ranges::all_of(tensors, [](const Tensor& tensor) {
    return std::ranges::all_of(tensor.values<float>(), [](float x) { return std::isfinite(x); });
  });
}

}  // namespace

struct PrivateGradient::State {
  State(const Graph& trained, double c, double sigma, std::span<const engine::Driver* const> drivers)
      : part(trained),
        deviation(c * sigma),
        ids(parameters_of(trained)),
        session(clipped_gradients(trained, ids, c), drivers) {
    ensure(c > 0 && sigma > 0, "a private gradient is clipped and noisy");
    for (const ValueId id : ids)
      sums.emplace_back(static_cast<std::size_t>(part.value(id).constant->elements()));
  }

  void add(std::span<const Tensor> inputs) {
    const std::vector<Tensor> gradients = session.run(inputs);
    if (!finite(gradients)) return;
    for (std::size_t p = 0; p < sums.size(); ++p)
      std::ranges::transform(sums[p], gradients[p].values<float>(), sums[p].begin(), std::plus<>());
  }

  Graph part;
  double deviation;  ///< of the noise on each element of the sum
  std::vector<ValueId> ids;
  engine::Session session;
  SecureRandom random;
  std::vector<std::vector<double>> sums;
};

PrivateGradient::PrivateGradient(const Graph& part, double clip, double noise,
                                 std::span<const engine::Driver* const> drivers)
    : state_(std::make_unique<State>(part, clip, noise, drivers)) {}
PrivateGradient::~PrivateGradient() = default;
PrivateGradient::PrivateGradient(PrivateGradient&&) noexcept = default;
PrivateGradient& PrivateGradient::operator=(PrivateGradient&&) noexcept = default;

Parameters PrivateGradient::draw(const Parameters& at, const LabelledLatents& rows, double rate) {
  State& state = *state_;
  ensure(rate > 0 && rate <= 1 && rows.size() > 0, "a sample of something");
  const auto width = static_cast<std::size_t>(state.part.value(state.part.outputs().at(0)).shape.back());
  std::vector<Tensor> inputs{Tensor{}};
  for (const ValueId id : state.ids) inputs.push_back(at.at(state.part.value(id).name));
  inputs.emplace_back();
  for (auto& sum : state.sums) std::ranges::fill(sum, 0.0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!state.random.chance(rate)) continue;
    inputs.front() = rows.latents.rows(std::int64_t(i), 1);
    inputs.back() = one_hot(std::span(&rows.classes[i], 1), width);
    state.add(inputs);
  }
  const double expected = rate * static_cast<double>(rows.size());
  Parameters gradient;
  for (std::size_t p = 0; p < state.ids.size(); ++p) {
    const engine::ValueInfo& value = state.part.value(state.ids[p]);
    Tensor noisy(engine::DType::f32, value.shape);
    std::ranges::transform(state.sums[p], noisy.mutable_values<float>().begin(), [&](double sum) {
      return static_cast<float>((sum + state.deviation * state.random.normal()) / expected);
    });
    gradient.insert_or_assign(value.name, std::move(noisy));
  }
  return gradient;
}

}  // namespace dormouse::learning
