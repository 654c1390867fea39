#include "learning/linoss_learner.h"

#include <algorithm>
#include <cmath>

#include "engine/session.h"

namespace dormouse::learning {
namespace {

using engine::DType;
using engine::Graph;
using engine::Shape;
using engine::Tensor;
using engine::Value;

constexpr const char* kUpdates = "updates";  // in a Progress: how many there were

Value squared_error(Value answer, Value target) {
  const Value error = answer - target;
  return engine::reduce_mean(error * error, {0, 1}, false);
}

/// Sample, target, what is carried along, rate and number of the update → answer, loss, and what is carried
/// along, in the same order: states and traces, weights, states of the optimiser.
Graph learning_graph(const LinossOptions& network, const LinossWeights& weights,
                     const OptimiserOptions& optimiser) {
  OnlineGraph online = linoss_online_graph(network, weights, squared_error);
  Graph& graph = online.graph;
  const auto value = [&](engine::ValueId id) { return Value{&graph, id}; };
  Updated before;
  std::vector<Value> gradients;
  for (const engine::ValueId id : online.weights) {
    graph.constant_to_input(id);
    before.parameters.push_back(value(id));
  }
  for (const engine::ValueId id : online.gradients) gradients.push_back(value(id));
  for (const std::string_view state : state_names(optimiser)) {
    before.states.emplace_back();
    for (const Value& weight : before.parameters) {
      const std::string name = weight.info().name + "." + std::string(state);
      before.states.back().push_back(value(graph.add_input(name, DType::f32, weight.shape())));
    }
  }
  const Value rate = value(graph.add_input("rate", DType::f32, {}));
  const Value number = value(graph.add_input(kUpdates, DType::f32, {}));
  const Updated after = append_update(optimiser, before, gradients, rate, number);
  for (const Value& weight : after.parameters) graph.mark_output(weight.id);
  for (const std::vector<Value>& states : after.states)
    for (const Value& state : states) graph.mark_output(state.id);
  return std::move(online.graph);
}

Tensor scalar(double value) { return Tensor::scalar(static_cast<float>(value)); }

Tensor row(std::span<const float> values, Shape shape) {
  return Tensor::from<float>(std::move(shape), values);
}

}  // namespace

struct LinossLearner::State {
  State(const LinossOptions& network, const LinossWeights& weights, const Options& options)
      : session(learning_graph(network, weights, options.optimiser), options.drivers), shipped(weights) {
    const bool averages = options.optimiser.average > 0;
    for (const engine::ValueId id : session.graph().inputs()) {
      const engine::ValueInfo& input = session.graph().value(id);
      names.push_back(input.name);
      std::string weight = input.name;  // an average starts as what it averages
      if (averages && weight.ends_with(".average")) weight.resize(weight.size() - 8);
      const auto given = weights.find(weight);
      inputs.push_back(given == weights.end() ? Tensor(input.dtype, input.shape) : given->second);
    }
    inputs[inputs.size() - 2] = scalar(options.rate);
  }

  /// Inputs between the two that are new each time, and rate and number of the update.
  std::size_t first() const { return 2; }
  std::size_t end() const { return inputs.size() - 2; }

  engine::Session session;
  LinossWeights shipped;           ///< what does not learn stays so
  std::vector<std::string> names;  ///< of the inputs
  std::vector<Tensor> inputs;
  std::int64_t updates = 0;
};

LinossLearner::LinossLearner(const LinossOptions& network, const LinossWeights& weights,
                             const Options& options)
    : state_(std::make_unique<State>(network, weights, options)) {}
LinossLearner::~LinossLearner() = default;
LinossLearner::LinossLearner(LinossLearner&&) noexcept = default;
LinossLearner& LinossLearner::operator=(LinossLearner&&) noexcept = default;

LinossLearner::Step LinossLearner::step(std::span<const float> sample, std::span<const float> target) {
  std::vector<Tensor>& inputs = state_->inputs;
  inputs[0] = row(sample, {1, 1, static_cast<std::int64_t>(sample.size())});
  inputs[1] = row(target, {1, static_cast<std::int64_t>(target.size())});
  inputs.back() = scalar(static_cast<double>(state_->updates + 1));
  std::vector<Tensor> outputs = state_->session.run(inputs);
  const float loss = outputs[1].values<float>()[0];
  if (!std::isfinite(loss))
    throw Failure(Errc::internal, "the loss of sample " + std::to_string(state_->updates + 1) +
                                      " is not finite; lower the rate, or clip what the stream brings");
  for (std::size_t i = state_->first(); i < state_->end(); ++i) inputs[i] = std::move(outputs[i]);
  ++state_->updates;
  const std::int64_t count = outputs[0].elements();
  return {outputs[0].reshaped({count}), loss};
}

LinossWeights LinossLearner::weights() const {
  LinossWeights result = state_->shipped;
  for (std::size_t i = state_->first(); i < state_->end(); ++i)
    if (const auto weight = result.find(state_->names[i]); weight != result.end())
      weight->second = state_->inputs[i];
  return result;
}

LinossLearner::Progress LinossLearner::progress() const {
  Progress result{{kUpdates, Tensor::scalar(state_->updates)}};
  for (std::size_t i = state_->first(); i < state_->end(); ++i)
    result.emplace(state_->names[i], state_->inputs[i]);
  return result;
}

void LinossLearner::restore(const Progress& progress) {
  const auto of = [&](const std::string& name, DType type, const Shape& shape) {
    const auto found = progress.find(name);
    if (found == progress.end() || found->second.dtype() != type || found->second.shape() != shape)
      throw Failure(Errc::corrupt,
                    "'" + name + "' is missing or of another shape: the progress of another network");
    return found->second;
  };
  std::vector<Tensor> inputs = state_->inputs;
  for (std::size_t i = state_->first(); i < state_->end(); ++i)
    inputs[i] = of(state_->names[i], inputs[i].dtype(), inputs[i].shape());
  state_->updates = of(kUpdates, DType::i64, {}).values<std::int64_t>()[0];
  state_->inputs = std::move(inputs);
}

}  // namespace dormouse::learning
