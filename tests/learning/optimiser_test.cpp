#include "learning/optimiser.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>

#include "engine/interpreter.h"

using namespace dormouse;
using namespace dormouse::learning;
using engine::DType;
using engine::Graph;
using engine::Shape;
using engine::Tensor;

namespace {

using Numbers = std::vector<double>;

constexpr std::size_t kSize = 6;
constexpr double kRate = 0.05;

/// The gradient at update t of a made-up loss: it depends on the parameter and changes sign.
double slope(double x, std::size_t i, int t) { return 1.5 * x + std::sin(1.3 * double(i) + 0.7 * t); }

Numbers start() {
  Numbers x(kSize);
  for (std::size_t i = 0; i < kSize; ++i) x[i] = std::cos(double(i)) * 2;
  return x;
}

/// Twenty updates by the graph; returns the parameters, or the state called `state`.
Numbers by_graph(const OptimiserOptions& options, std::string_view state = "") {
  const auto names = state_names(options);
  Graph graph;
  const auto input = [&](const std::string& name, Shape shape) {
    return Value{&graph, graph.add_input(name, DType::f64, std::move(shape))};
  };
  const Shape shape{static_cast<std::int64_t>(kSize)};
  Updated before{{input("x", shape)}, {}};
  const Value gradient = input("gradient", shape);
  for (const std::string_view name : names) before.states.push_back({input(std::string(name), shape)});
  const Value rate = input("rate", {}), step = input("step", {});
  const Updated after = append_update(options, before, std::array{gradient}, rate, step);
  graph.mark_output(after.parameters[0].id);
  for (const auto& states : after.states) graph.mark_output(states[0].id);

  std::vector<Tensor> values{Tensor::from<double>(shape, std::span<const double>(start()))};
  for (const std::string_view name : names)
    values.push_back(name == "average" ? values[0].clone() : Tensor(DType::f64, shape));
  for (int t = 1; t <= 20; ++t) {
    Tensor slopes(DType::f64, shape);
    for (std::size_t i = 0; i < kSize; ++i)
      slopes.mutable_values<double>()[i] = slope(values[0].values<double>()[i], i, t);
    std::vector<Tensor> inputs{values[0], slopes};
    inputs.insert(inputs.end(), values.begin() + 1, values.end());
    inputs.push_back(Tensor::scalar(kRate));
    inputs.push_back(Tensor::scalar(double(t)));
    values = engine::interpret(graph, inputs);
  }
  std::size_t which = 0;
  for (std::size_t k = 0; k < names.size(); ++k)
    if (names[k] == state) which = k + 1;
  const auto result = values[which].values<double>();
  return {result.begin(), result.end()};
}

/// Twenty updates of the rule as published: `rule(x, gradient, t)`, all elements at once.
Numbers by_loop(const std::function<void(Numbers& x, const Numbers& g, int t)>& rule) {
  Numbers x = start();
  for (int t = 1; t <= 20; ++t) {
    Numbers g(kSize);
    for (std::size_t i = 0; i < kSize; ++i) g[i] = slope(x[i], i, t);
    rule(x, g, t);
  }
  return x;
}

void check_same(const Numbers& a, const Numbers& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).epsilon(1e-12));
}

// Attributes are f32.
const double kMomentum = 0.9f, kBeta1 = 0.9f, kBeta2 = 0.999f, kAlpha = 0.99f, kEpsilon = 1e-8f;
const double kDecay = 0.1f;

}  // namespace

TEST_CASE("SGD with momentum, Nesterov's too, follows the published rule", "[optimiser]") {
  for (const bool nesterov : {false, true}) {
    Numbers v(kSize);
    const Numbers expected = by_loop([&](Numbers& x, const Numbers& g, int) {
      for (std::size_t i = 0; i < kSize; ++i) {
        v[i] = kMomentum * v[i] + g[i];
        x[i] -= kRate * (nesterov ? g[i] + kMomentum * v[i] : v[i]);
      }
    });
    check_same(by_graph({.momentum = 0.9, .nesterov = nesterov}), expected);
  }
}

TEST_CASE("Adam and AdamW follow the published rules", "[optimiser]") {
  for (const UpdateRule kind : {UpdateRule::adam, UpdateRule::adamw}) {
    const bool decoupled = kind == UpdateRule::adamw;
    Numbers m(kSize), v(kSize);
    const Numbers expected = by_loop([&](Numbers& x, const Numbers& g, int t) {
      for (std::size_t i = 0; i < kSize; ++i) {
        const double slope = decoupled ? g[i] : g[i] + kDecay * x[i];
        m[i] = kBeta1 * m[i] + (1 - kBeta1) * slope;
        v[i] = kBeta2 * v[i] + (1 - kBeta2) * slope * slope;
        const double mean = m[i] / (1 - std::pow(kBeta1, t)), square = v[i] / (1 - std::pow(kBeta2, t));
        if (decoupled) x[i] -= kRate * kDecay * x[i];
        x[i] -= kRate * mean / (std::sqrt(square) + kEpsilon);
      }
    });
    check_same(by_graph({.rule = kind, .weight_decay = 0.1}), expected);
  }
}

TEST_CASE("RMSProp follows the published rule", "[optimiser]") {
  Numbers v(kSize), moved(kSize);
  const Numbers expected = by_loop([&](Numbers& x, const Numbers& g, int) {
    for (std::size_t i = 0; i < kSize; ++i) {
      v[i] = kAlpha * v[i] + (1 - kAlpha) * g[i] * g[i];
      moved[i] = kMomentum * moved[i] + g[i] / (std::sqrt(v[i]) + kEpsilon);
      x[i] -= kRate * moved[i];
    }
  });
  check_same(by_graph({.rule = UpdateRule::rmsprop, .momentum = 0.9}), expected);
}

TEST_CASE("Lion follows the published rule", "[optimiser]") {
  const double beta2 = 0.99f;
  Numbers m(kSize);
  const Numbers expected = by_loop([&](Numbers& x, const Numbers& g, int) {
    for (std::size_t i = 0; i < kSize; ++i) {
      const double leaning = kBeta1 * m[i] + (1 - kBeta1) * g[i];
      x[i] -= kRate * ((leaning > 0) - (leaning < 0) + kDecay * x[i]);
      m[i] = beta2 * m[i] + (1 - beta2) * g[i];
    }
  });
  check_same(by_graph({.rule = UpdateRule::lion, .beta2 = 0.99, .weight_decay = 0.1}), expected);
}

TEST_CASE("gradients above the norm are scaled down to it, all by one factor", "[optimiser]") {
  const double most = 1.25;
  const Numbers expected = by_loop([&](Numbers& x, const Numbers& g, int) {
    double squares = 0;
    for (const double slope : g) squares += slope * slope;
    const double scale = std::min(1.0, most / std::sqrt(squares));
    for (std::size_t i = 0; i < kSize; ++i) x[i] -= kRate * scale * g[i];
  });
  check_same(by_graph({.momentum = 0, .clip_norm = most}), expected);
}

TEST_CASE("a moving average of the parameters is kept beside them", "[optimiser]") {
  Numbers average = start();
  by_loop([&](Numbers& x, const Numbers& g, int) {
    for (std::size_t i = 0; i < kSize; ++i) {
      x[i] -= kRate * g[i];
      average[i] = 0.8 * average[i] + (1 - 0.8) * x[i];
    }
  });
  check_same(by_graph({.momentum = 0, .average = 0.8}, "average"), average);
}
