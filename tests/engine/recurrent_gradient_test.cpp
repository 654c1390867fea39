// What the operators' samples do not reach: the last states, and inputs that depend on each other.

#include <array>
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/autodiff.h"
#include "engine/interpreter.h"
#include "engine/op.h"
#include "engine/value.h"

using namespace dormouse;
using namespace dormouse::engine;

namespace {

Tensor waves(Shape shape, double phase) {
  Tensor tensor(DType::f64, std::move(shape));
  for (double& value : tensor.mutable_values<double>()) value = std::sin(phase += 0.9);
  return tensor;
}

double loss_at(const Graph& graph, const std::vector<Tensor>& inputs) {
  return interpret(graph, inputs)[0].values<double>()[0];
}

}  // namespace

TEST_CASE("the gradient of a recurrence flows from its last states, and into all it starts from",
          "[recurrent]") {
  Graph graph;  // states that depend on X, and R that depends on W
  std::vector<Tensor> given{waves({3, 2, 3}, 0.1), waves({1, 12, 3}, 0.5)};
  const Value x{&graph, graph.add_input("x", DType::f64, given[0].shape())};
  const Value w{&graph, graph.add_input("w", DType::f64, given[1].shape())};
  const Value first = apply("Slice", {x, integers(graph, {0}), integers(graph, {1})});
  const auto made = graph.add_node(*find_op("", "LSTM"),
                                   {x.id, w.id, tanh(w).id, kAbsent, kAbsent, sigmoid(first).id, first.id},
                                   {}, {"", "", ""});
  const Value y{&graph, made[0]}, h{&graph, made[1]}, c{&graph, made[2]};
  const Value loss = reduce_sum(h * h + exp(c), {0, 1, 2}, false) + reduce_sum(y, {0, 1, 2, 3}, false);
  Graph function = graph;
  function.set_outputs({loss.id});
  graph.set_outputs(differentiate(graph, loss.id, std::array{x.id, w.id}));
  const std::vector<Tensor> gradients = interpret(graph, given);
  constexpr double step = 1e-5;
  for (std::size_t i = 0; i < given.size(); ++i) {
    for (std::size_t e = 0; e < static_cast<std::size_t>(given[i].elements()); ++e) {
      std::vector<Tensor> up = given, down = given;
      up[i] = given[i].clone(), down[i] = given[i].clone();
      up[i].mutable_values<double>()[e] += step;
      down[i].mutable_values<double>()[e] -= step;
      INFO("input " << i << ", element " << e);
      CHECK(
          gradients[i].values<double>()[e] ==
          Approx((loss_at(function, up) - loss_at(function, down)) / (2 * step)).epsilon(1e-6).margin(1e-8));
    }
  }
}

TEST_CASE("a recurrence of unknown length says that it has no gradient", "[recurrent]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, 2, 3})};
  const Value w{&graph, graph.add_input("w", DType::f32, {1, 4, 3})};
  const Value r{&graph, graph.add_input("r", DType::f32, {1, 4, 4})};
  const Value loss = reduce_sum(apply("RNN", {x, w, r}), {0, 1, 2, 3}, false);
  CHECK_THROWS_WITH(differentiate(graph, loss.id, std::array{w.id}),
                    Catch::Contains("RNN") && Catch::Contains("number of steps"));
}
