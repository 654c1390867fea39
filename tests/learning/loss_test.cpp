#include "learning/loss.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>

#include "engine/autodiff.h"
#include "engine/interpreter.h"

using namespace dormouse;
using namespace dormouse::learning;
using engine::DType;
using engine::Graph;
using engine::Tensor;

namespace {

using Rows = std::vector<std::vector<double>>;

const Rows kAnswers{{1.5, -0.5, 0.25}, {-2, 0.75, 3}}, kTargets{{0, 1, 0}, {0.25, 0.25, 0.5}};
const std::vector<double> kWeights{3, 1};

Tensor matrix(const Rows& rows) {
  std::vector<double> values;
  for (const auto& row : rows) values.insert(values.end(), row.begin(), row.end());
  return Tensor::from<double>({std::ssize(rows), std::ssize(rows[0])}, std::span<const double>(values));
}

/// The loss, and its derivatives by the answers are checked against differences.
double by_graph(const LossOptions& options) {
  Graph graph;
  const Value answers{&graph, graph.add_input("answers", DType::f64, {2, 3})};
  const Value targets{&graph, graph.add_constant("targets", matrix(kTargets))};
  const Value weights{
      &graph, graph.add_constant("weights", Tensor::from<double>({2}, std::span<const double>(kWeights)))};
  const Value loss = append_loss(options, answers, targets, weights);
  graph.set_outputs({loss.id, engine::differentiate(graph, loss.id, std::array{answers.id})[0]});
  const auto at = [&](const Rows& rows) { return engine::interpret(graph, std::array{matrix(rows)}); };
  const auto got = at(kAnswers);
  constexpr double step = 1e-6;
  for (std::size_t i = 0; i < 6; ++i) {
    Rows up = kAnswers, down = kAnswers;
    up[i / 3][i % 3] += step;
    down[i / 3][i % 3] -= step;
    const double slope = (at(up)[0].values<double>()[0] - at(down)[0].values<double>()[0]) / (2 * step);
    CHECK(got[1].values<double>()[i] == Approx(slope).epsilon(1e-6).margin(1e-9));
  }
  return got[0].values<double>()[0];
}

/// Rows weighted, elements of a row averaged.
double weighted(const std::function<double(double answer, double target)>& loss) {
  double sum = 0, total = 0;
  for (std::size_t row = 0; row < 2; ++row) {
    for (std::size_t k = 0; k < 3; ++k) sum += kWeights[row] * loss(kAnswers[row][k], kTargets[row][k]) / 3;
    total += kWeights[row];
  }
  return sum / total;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

TEST_CASE("cross-entropy with smoothing and weights is the weighted mean of its rows", "[loss]") {
  const double smoothing = 0.15;
  double sum = 0;
  for (std::size_t row = 0; row < 2; ++row) {
    double all = 0;
    for (const double answer : kAnswers[row]) all += std::exp(answer);
    for (std::size_t k = 0; k < 3; ++k)
      sum -= kWeights[row] * (kTargets[row][k] * (1 - smoothing) + smoothing / 3) *
             (kAnswers[row][k] - std::log(all));
  }
  CHECK(by_graph({.smoothing = smoothing}) == Approx(sum / 4).epsilon(1e-12));
}

TEST_CASE("binary cross-entropy is that of independent labels", "[loss]") {
  const double expected = weighted(
      [](double a, double t) { return -t * std::log(sigmoid(a)) - (1 - t) * std::log(1 - sigmoid(a)); });
  CHECK(by_graph({.kind = LossKind::binary_cross_entropy}) == Approx(expected).epsilon(1e-12));
}

TEST_CASE("squared, absolute and Huber's losses are means over elements", "[loss]") {
  CHECK(by_graph({.kind = LossKind::mse}) ==
        Approx(weighted([](double a, double t) { return (a - t) * (a - t); })).epsilon(1e-12));
  CHECK(by_graph({.kind = LossKind::mae}) ==
        Approx(weighted([](double a, double t) { return std::abs(a - t); })).epsilon(1e-12));
  const double delta = 0.9;  // some errors lie on either side
  CHECK(by_graph({.kind = LossKind::huber, .huber_delta = delta}) == Approx(weighted([&](double a, double t) {
                                                                       const double e = std::abs(a - t);
                                                                       return e <= delta
                                                                                  ? e * e / 2
                                                                                  : delta * (e - delta / 2);
                                                                     })).epsilon(1e-12));
}

TEST_CASE("distillation is the divergence from the teacher, scaled by the temperature's square", "[loss]") {
  const double t = 2.5;
  Graph graph;
  const Value student{&graph, graph.add_constant("s", matrix(kAnswers))};
  const Value teacher{&graph, graph.add_constant("t", matrix(kTargets))};
  graph.mark_output(append_distillation(student, teacher, t).id);
  graph.mark_output(append_distillation(student, student, t).id);
  const auto got = engine::interpret(graph, {});
  double expected = 0;
  for (std::size_t row = 0; row < 2; ++row) {
    double p_all = 0, q_all = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      p_all += std::exp(kTargets[row][k] / t);
      q_all += std::exp(kAnswers[row][k] / t);
    }
    for (std::size_t k = 0; k < 3; ++k) {
      const double p = std::exp(kTargets[row][k] / t) / p_all, q = std::exp(kAnswers[row][k] / t) / q_all;
      expected += p * std::log(p / q) / 2;
    }
  }
  CHECK(got[0].values<double>()[0] == Approx(expected * t * t).epsilon(1e-12));
  CHECK(got[1].values<double>()[0] == Approx(0).margin(1e-15));
}
