// Gradients from a stream, without its past, against those of the whole sequence.

#include "learning/linoss_online.h"

#include <array>
#include <catch2/catch.hpp>

#include "engine/autodiff.h"
#include "engine/interpreter.h"
#include "engine/session.h"
#include "learning/linoss_traces.h"
#include "tests/learning/golden_layer.h"

using namespace dormouse::learning;
namespace engine = dormouse::engine;
using engine::DType;
using engine::Graph;
using engine::Shape;
using engine::Tensor;
using engine::Value;
using engine::ValueId;

namespace {

Tensor sum(const Tensor& a, const Tensor& b) {
  Tensor result = a.clone();
  for (std::size_t i = 0; i < static_cast<std::size_t>(a.elements()); ++i)
    result.mutable_values<double>()[i] += b.values<double>()[i];
  return result;
}

Value squared_error(Value answer, Value target) {
  const Value error = answer - target;
  return engine::reduce_sum(error * error, {0, 1}, false);
}

/// Zeros for the inputs of `graph` from `first` on.
std::vector<Tensor> zeros(const Graph& graph, std::size_t first) {
  std::vector<Tensor> result(first);
  for (std::size_t i = first; i < graph.inputs().size(); ++i) {
    const engine::ValueInfo& input = graph.value(graph.inputs()[i]);
    result.emplace_back(input.dtype, input.shape);
  }
  return result;
}

void check_layer(const std::string& name) {
  const Golden golden(name);
  GoldenLayer layer(golden, DType::f64, 1);
  Graph& graph = layer.graph;
  const std::int64_t m = layer.parameters.oscillators.stiffness.shape()[0], p = layer.samples.shape()[2];
  const std::int64_t theta = layer.parameters.oscillators.damping ? 3 : 2;
  const OscillatorTraces before{{&graph, graph.add_input("traces", DType::f64, {theta, 2, 2 * m})},
                                {&graph, graph.add_input("input_traces", DType::f64, {p, 2, m})}};
  const OscillatorTraces after =
      traces_after(layer.parameters, layer.samples, layer.answer, layer.state, before);
  const auto immediate = engine::differentiate(
      graph, layer.loss.id,
      std::array{layer.answer.states.id, layer.parameters.output.id, layer.parameters.feedthrough.id});
  const OscillatorGradients online = online_gradients(layer.parameters, after, {&graph, immediate[0]});
  std::vector<std::pair<std::string, ValueId>> wanted{{"a", online.stiffness.id},
                                                      {"s", online.step.id},
                                                      {"B", online.input.id},
                                                      {"C", immediate[1]},
                                                      {"D", immediate[2]}};
  if (online.damping) wanted.emplace_back("g", online.damping.id);
  std::vector<ValueId> outputs{layer.answer.last.id, after.parameters.id, after.input.id};
  for (const auto& [parameter, gradient] : wanted) outputs.push_back(gradient);
  graph.set_outputs(outputs);

  std::vector<Tensor> given = layer.given;  // parameters, u, w0, R; then the traces
  const std::size_t u = given.size() - 3;
  given.emplace_back(DType::f64, Shape{theta, 2, 2 * m});
  given.emplace_back(DType::f64, Shape{p, 2, m});
  std::vector<Tensor> total;
  for (std::int64_t t = 0; t < 8; ++t) {
    given[u] = golden.tensor("u").rows(t, 1).reshaped({1, 1, p});
    given[u + 2] = golden.tensor("R").rows(t, 1).reshaped({1, 1, layer.answer.output.shape()[2]});
    const std::vector<Tensor> got = engine::interpret(graph, given);
    given[u + 1] = got[0];
    given[u + 3] = got[1];
    given[u + 4] = got[2];
    for (std::size_t i = 0; i < wanted.size(); ++i)
      t == 0 ? total.push_back(got[3 + i]) : void(total[i] = sum(total[i], got[3 + i]));
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    INFO(name << ": gradient of " << wanted[i].first);
    check_close(total[i], golden_gradient(golden, wanted[i].first), 1e-12);
  }
}

Tensor noise(Shape shape, Random& random) {
  Tensor tensor(DType::f64, std::move(shape));
  for (double& value : tensor.mutable_values<double>()) value = random.normal();
  return tensor;
}

/// Σ_t of the online gradients over a stream, by the weight's name.
LinossWeights online_total(const LinossOptions& options, const LinossWeights& weights, const Tensor& samples,
                           const Tensor& targets) {
  OnlineGraph online = linoss_online_graph(options, weights, squared_error);
  Graph& graph = online.graph;
  const std::size_t states = graph.outputs().size();
  for (const ValueId id : online.gradients) graph.mark_output(id);
  const engine::Session session(graph, {});
  std::vector<Tensor> given = zeros(graph, 2);
  LinossWeights total;
  for (std::int64_t t = 0; t < samples.shape()[0]; ++t) {
    given[0] = samples.rows(t, 1).reshaped({1, 1, options.inputs});
    given[1] = targets.rows(t, 1);
    const std::vector<Tensor> got = session.run(given);
    std::copy(got.begin() + 2, got.begin() + static_cast<std::ptrdiff_t>(states), given.begin() + 2);
    for (std::size_t i = 0; i < online.weights.size(); ++i) {
      const std::string& name = graph.value(online.weights[i]).name;
      const auto [entry, fresh] = total.emplace(name, got[states + i]);
      if (!fresh) entry->second = sum(entry->second, got[states + i]);
    }
  }
  return total;
}

/// The gradients of the whole sequence's loss.
LinossWeights adjoint(const LinossOptions& options, const LinossWeights& weights, const Tensor& samples,
                      const Tensor& targets) {
  Graph graph = linoss_graph(options, weights);
  std::vector<ValueId> wrt;
  for (const auto& [name, tensor] : weights) wrt.push_back(graph.find(name).value());
  const std::int64_t steps = samples.shape()[0];
  const Value answers = engine::reshape({&graph, graph.outputs()[0]}, {steps, options.outputs});
  const Value loss = squared_error(answers, engine::constant(graph, targets));
  graph.set_outputs(engine::differentiate(graph, loss.id, wrt));
  const auto got = engine::interpret(graph, std::array{samples.reshaped({1, steps, options.inputs})});
  LinossWeights result;
  std::size_t i = 0;
  for (const auto& [name, tensor] : weights) result.emplace(name, got[i++]);
  return result;
}

}  // namespace

TEST_CASE("gradients of a LinOSS layer need no past", "[linoss]") {
  for (const char* const name :
       {"layer_im", "layer_imex", "layer_dlinoss", "layer_im_w0", "layer_imex_w0", "layer_dlinoss_clamp_w0"})
    check_layer(name);
}

TEST_CASE("online gradients of a network sum up to those of the whole stream, from its last block on",
          "[linoss]") {
  constexpr std::uint64_t kSeed = 11;
  INFO("seed " << kSeed);
  for (const auto& [variant, kind] : golden_variants()) {
    Random random(kSeed);
    LinossOptions options{.discretisation = kind, .inputs = 2, .hidden = 4, .oscillators = 3, .outputs = 2};
    options.readout = Readout::every;
    LinossWeights weights;
    for (const auto& [name, tensor] : initial_weights(options, random))
      weights.emplace(name, tensor.as(DType::f64));
    const Tensor samples = noise({40, 2}, random), targets = noise({40, 2}, random);
    const LinossWeights online = online_total(options, weights, samples, targets);
    const LinossWeights exact = adjoint(options, weights, samples, targets);
    CHECK(online.size() == weights.size());
    std::size_t compared = 0;
    for (const auto& [name, gradient] : exact) {
      if (!name.starts_with("head.") && !name.starts_with("block1.")) continue;
      if (name.starts_with("block1.norm")) continue;
      INFO(variant << ": gradient of " << name);
      check_close(online.at(name), gradient, 1e-10);
      ++compared;
    }
    CHECK(compared == (kind == Discretisation::damped ? 10 : 9));
  }
}
