// One LinOSS layer: against golden vectors, and against what physics conserves.

#include "learning/linoss_layer.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/autodiff.h"
#include "engine/interpreter.h"
#include "tests/learning/golden_layer.h"

using namespace dormouse::learning;
namespace engine = dormouse::engine;
using engine::DType;
using engine::Graph;
using engine::Tensor;
using engine::Value;
using engine::ValueId;

namespace {

void check_layer(const std::string& name, DType type, double tolerance) {
  const Golden golden(name);
  GoldenLayer layer(golden, type, 8);
  Graph& graph = layer.graph;
  std::vector<ValueId> outputs = engine::differentiate(graph, layer.loss.id, layer.ids);
  outputs.insert(outputs.end(), {layer.answer.output.id, layer.loss.id});
  graph.set_outputs(outputs);
  const std::vector<Tensor> got = engine::interpret(graph, layer.given);
  for (std::size_t i = 0; i < layer.names.size(); ++i) {
    INFO(name << ": gradient of " << layer.names[i]);
    check_close(got[i], golden_gradient(golden, layer.names[i]), tolerance);
  }
  INFO(name << ": forward");
  check_close(got[layer.names.size()], golden.tensor("forward.o"), tolerance);
  check_close(got[layer.names.size() + 1], golden.tensor("loss"), tolerance);
}

/// The step of oscillators that have these A and G, for raw parameters that are sure to give them: `limits`
/// aside.
struct Oscillator {
  Discretisation kind;
  double a, g, h;
};

/// w after each of `steps` steps from (z, y) under a constant drive: pairs z, y.
std::vector<std::array<double, 2>> run(const Oscillator& oscillator, double z, double y, double drive,
                                       std::int64_t steps) {
  Graph graph;
  const auto one = [&](double value) { return engine::constant(graph, Tensor::from<double>({1}, {value})); };
  const OscillatorParameters raw{one(oscillator.a), one(oscillator.g),
                                 one(std::log(oscillator.h / (1 - oscillator.h)))};
  const auto [matrices, gains] = discretise(oscillator.kind, raw, kGoldenLimits);
  const Value drives = engine::constant(
      graph,
      Tensor::from<double>({1, steps, 1, 1}, std::vector<double>(static_cast<std::size_t>(steps), drive)));
  const Value start = engine::constant(graph, Tensor::from<double>({1, 2, 2}, {z, z, y, y}));
  graph.mark_output(engine::apply("OscillatorScan", {drives * gains, matrices, start}, {}, "dormouse").id);
  const Tensor states = engine::interpret(graph, {})[0];
  std::vector<std::array<double, 2>> result;
  for (std::size_t t = 0; t < static_cast<std::size_t>(steps); ++t)
    result.push_back({states.values<double>()[4 * t], states.values<double>()[4 * t + 2]});
  return result;
}

}  // namespace

TEST_CASE("a LinOSS layer and all its gradients are those of the golden vectors", "[linoss]") {
  for (const char* const name : {"layer_im", "layer_imex", "layer_dlinoss", "layer_im_w0", "layer_imex_w0"}) {
    check_layer(name, DType::f64, 1e-12);
    check_layer(name, DType::f32, 1e-5);
  }
  check_layer("layer_dlinoss_clamp_w0", DType::f64, 1e-12);
  check_layer("layer_dlinoss_clamp_w0", DType::f32, 1e-4);  // beyond its band the gradient is ill-conditioned
}

TEST_CASE("oscillators are after 10,000 steps where the golden vectors say", "[linoss]") {
  const Golden golden("stability_and_invariants");
  for (const boost::json::value& entry : golden.at("cases").as_array()) {
    const boost::json::object& item = entry.as_object();
    const Oscillator oscillator{golden_variants().at(std::string(item.at("variant").as_string())),
                                item.at("A").to_number<double>(), item.at("G").to_number<double>(),
                                item.at("h").to_number<double>()};
    if (oscillator.kind == Discretisation::imex && oscillator.a > 3.99 / 0.25) continue;  // held back: below
    const bool kicked = item.at("drive").as_string() == "impulse_state";
    const auto states = run(oscillator, kicked ? 1 : 0, 0, kicked ? 0 : 1, 10000);
    for (const auto& [step, pair] : item.at("z_y_at_step").as_object()) {
      INFO(item.at("variant") << " A " << oscillator.a << " at step " << std::string(step));
      const std::array<double, 2>& got = states[std::stoul(std::string(step)) - 1];
      for (std::size_t i = 0; i < 2; ++i) {
        const double expected = pair.as_array()[i].to_number<double>();
        CHECK(got[i] == Approx(expected).epsilon(1e-10).margin(1e-12));
      }
    }
  }
}

TEST_CASE("an oscillator without drive keeps or loses exactly the energy it should", "[linoss]") {
  constexpr double h = 0.6, a = 1.3, g = 0.4;
  const auto each_ratio = [](const Oscillator& oscillator, auto energy, double expected) {
    const auto states = run(oscillator, 0.8, -0.3, 0, 200);
    for (std::size_t t = 1; t < states.size(); ++t)
      CHECK(energy(states[t][0], states[t][1]) ==
            Approx(expected * energy(states[t - 1][0], states[t - 1][1])).epsilon(1e-12).margin(0));
  };
  each_ratio(
      {Discretisation::im, a, 0, h}, [](double z, double y) { return z * z + a * y * y; },
      1 / (1 + h * h * a));
  each_ratio(
      {Discretisation::imex, a, 0, h}, [](double z, double y) { return z * z + a * y * y - h * a * z * y; },
      1);
  constexpr double s = 1 / (1 + h * g), m12 = -h * a * s, m21 = h * s, m22 = 1 - h * h * a * s;
  each_ratio(
      {Discretisation::damped, a, g, h},
      [](double z, double y) { return m21 * z * z + (m22 - s) * z * y - m12 * y * y; }, s);
}

TEST_CASE("a constant drive moves an oscillator that forgets to drive / A", "[linoss]") {
  CHECK(run({Discretisation::im, 2, 0, 0.5}, 0, 0, 3, 2000).back()[1] == Approx(1.5).epsilon(1e-12));
  CHECK(run({Discretisation::damped, 2, 0.3, 0.5}, 0, 0, 3, 2000).back()[1] == Approx(1.5).epsilon(1e-12));
}

TEST_CASE("no raw parameters make an oscillator unstable", "[linoss]") {
  for (const auto& [name, kind] : golden_variants()) {
    for (const double a : {-5.0, 0.0, 1e-6, 3.0, 16.0, 1e6}) {
      for (const double s : {-6.0, 0.0, 6.0}) {
        INFO(name << " a " << a << " s " << s);
        Graph graph;
        const auto one = [&](double value) {
          return engine::constant(graph, Tensor::from<double>({1}, {value}));
        };
        const Recurrence step = discretise(kind, {one(a), one(-1), one(s)}, {});
        graph.mark_output(step.matrices.id);
        const Tensor m = engine::interpret(graph, {})[0];
        const auto at = [&](std::size_t i) { return m.values<double>()[2 * i]; };
        const double trace = at(0) + at(3), determinant = at(0) * at(3) - at(1) * at(2);
        // Schur–Cohn: both eigenvalues lie in the unit disc, on its edge only where they differ.
        CHECK(determinant <= 1 + 1e-12);
        CHECK(std::abs(trace) < 1 + determinant);
      }
    }
  }
}
