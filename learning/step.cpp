#include "learning/step.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "engine/autodiff.h"
#include "engine/op.h"
#include "engine/value.h"
#include "learning/linear_layer.h"

namespace dormouse::learning {
namespace {

using engine::Graph;
using engine::Value;
using engine::ValueId;

const engine::Op& our_op(std::string_view name) {
  const engine::Op* op = engine::find_op("dormouse", name);
  ensure(op != nullptr, "the update operators are registered");
  return *op;
}

/// The step as a graph: inputs latent, parameters, targets, weights, rate, velocities; outputs loss,
/// parameters, velocities.
Graph step_graph(const Graph& part, std::span<const ValueId> parameters, const Ewc* ewc, float momentum) {
  Graph graph = part;
  const Value logits{&graph, part.outputs().at(0)};
  for (const ValueId id : parameters) graph.constant_to_input(id);
  const Value targets{&graph, graph.add_input("targets", engine::DType::f32, logits.shape())};
  const Value weights{&graph, graph.add_input("weights", engine::DType::f32, Shape{logits.shape()[0]})};
  const Value rate{&graph, graph.add_input("rate", engine::DType::f32, Shape{})};
  std::vector<ValueId> velocities;
  for (const ValueId id : parameters)
    velocities.push_back(
        graph.add_input(part.value(id).name + ".velocity", engine::DType::f32, part.value(id).shape));

  const Value loss = engine::apply("SoftmaxCrossEntropy", {logits, targets, weights}, {}, "dormouse");
  const std::vector<ValueId> gradients = engine::differentiate(graph, loss.id, parameters);

  std::vector<ValueId> outputs{loss.id}, moved, faster;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto updated =
        graph.add_node(our_op("SgdMomentum"), {parameters[i], gradients[i], velocities[i], rate.id},
                       {{"momentum", momentum}}, {"", ""});
    moved.push_back(updated[0]);
    faster.push_back(updated[1]);
  }
  if (ewc && ewc->lambda > 0) {
    const Value strength = rate * (2.0 * double{ewc->lambda});
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const std::string& name = part.value(parameters[i]).name;
      const auto anchor = ewc->anchor.find(name), fisher = ewc->fisher.find(name);
      if (anchor == ewc->anchor.end() || fisher == ewc->fisher.end()) continue;
      const ValueId to = graph.add_constant(name + ".anchor", anchor->second);
      const ValueId firmness = graph.add_constant(name + ".fisher", fisher->second);
      moved[i] = graph.add_node(our_op("EwcPull"), {moved[i], to, firmness, strength.id})[0];
    }
  }
  outputs.insert(outputs.end(), moved.begin(), moved.end());
  outputs.insert(outputs.end(), faster.begin(), faster.end());
  graph.set_outputs(std::move(outputs));
  return graph;
}

}  // namespace

struct Trainer::State {
  State(const Graph& trained, const Ewc* ewc, const Options& options)
      : part(trained),
        ids(parameters_of(trained)),
        session(step_graph(trained, ids, ewc, options.momentum), options.drivers) {
    ensure(!ids.empty(), "a trainable part has parameters");
    for (const ValueId id : ids) {
      parameters.push_back(part.value(id).constant->clone());
      velocities.emplace_back(engine::DType::f32, part.value(id).shape);
    }
  }

  Graph part;
  std::vector<ValueId> ids;
  std::vector<Tensor> parameters, velocities;
  engine::Session session;
};

Trainer::Trainer(const Graph& part, const Ewc* ewc, Options options)
    : state_(std::make_unique<State>(part, ewc, options)) {}
Trainer::~Trainer() = default;
Trainer::Trainer(Trainer&&) noexcept = default;

float Trainer::step(const Tensor& latents, const Tensor& targets, std::span<const float> weights,
                    float rate) {
  const std::int64_t rows = targets.shape()[0];
  ensure(weights.empty() || std::ssize(weights) == rows, "a weight per row");
  Tensor row_weights(engine::DType::f32, Shape{rows});
  if (weights.empty()) {
    std::ranges::fill(row_weights.mutable_values<float>(), 1.0f);
  } else {
    std::ranges::copy(weights, row_weights.mutable_values<float>().begin());
  }
  std::vector<Tensor> inputs{latents};
  inputs.insert(inputs.end(), state_->parameters.begin(), state_->parameters.end());
  inputs.insert(inputs.end(), {targets, row_weights, Tensor::scalar(rate)});
  inputs.insert(inputs.end(), state_->velocities.begin(), state_->velocities.end());
  const std::vector<Tensor> outputs = state_->session.run(inputs);

  const float loss = outputs[0].values<float>()[0];
  if (!std::isfinite(loss))
    throw Failure(Errc::internal, "training diverged: the loss is not finite; lower the rate");
  const std::size_t n = state_->parameters.size();
  for (std::size_t i = 0; i < n; ++i) {
    state_->parameters[i] = outputs[1 + i];
    state_->velocities[i] = outputs[1 + n + i];
  }
  return loss;
}

Parameters Trainer::parameters() const {
  Parameters named;
  for (std::size_t i = 0; i < state_->ids.size(); ++i)
    named.insert_or_assign(state_->part.value(state_->ids[i]).name, state_->parameters[i]);
  return named;
}

engine::Graph Trainer::graph() const { return with_parameters(state_->part, parameters()); }

Tensor one_hot(std::span<const ClassIndex> classes, std::size_t width) {
  Tensor rows(engine::DType::f32, Shape{std::int64_t(classes.size()), std::int64_t(width)});
  const auto values = rows.mutable_values<float>();
  for (std::size_t i = 0; i < classes.size(); ++i) {
    ensure(classes[i] < width, "a known class");
    values[i * width + classes[i]] = 1;
  }
  return rows;
}

Parameters parameters_by_name(const Graph& part) {
  Parameters named;
  for (const ValueId id : parameters_of(part))
    named.insert_or_assign(part.value(id).name, *part.value(id).constant);
  return named;
}

engine::Graph with_parameters(Graph part, const Parameters& parameters) {
  for (const auto& [name, tensor] : parameters) {
    const auto id = part.find(name);
    const bool fits = id && part.value(*id).constant && part.value(*id).dtype == tensor.dtype() &&
                      part.value(*id).shape.rank() == tensor.shape().rank();
    if (!fits) throw Failure(Errc::invalid, "the model has no parameter '" + name + "' of this kind");
    part.set_constant(*id, tensor);
  }
  part.reinfer();
  return part;
}

}  // namespace dormouse::learning
