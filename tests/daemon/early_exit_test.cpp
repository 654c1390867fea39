#include <catch2/catch.hpp>
#include <random>

#include "engine/formats/onnx.h"
#include "engine/op.h"
#include "engine/value.h"
#include "tests/daemon/running_service.h"

namespace dormouse::daemon {

using Catch::Contains;

TEST_CASE("a model that leaves at an early exit runs no more than that needs", "[routing]") {
  using namespace engine;
  const TemporaryFolder folder;
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  Graph graph;
  Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, 8})};
  const auto layer = [&](Value from, std::int64_t rows, std::int64_t columns, const char* name) {
    Tensor weights(DType::f32, {rows, columns});
    for (float& weight : weights.mutable_values<float>()) weight = normal(random);
    const ValueId w = graph.add_constant("w" + std::string(name), weights);
    const ValueId b = graph.add_constant(
        "b" + std::string(name),
        Tensor::from<float>({columns}, std::vector<float>(static_cast<std::size_t>(columns))));
    return Value{&graph, graph.add_node(*find_op("", "Gemm"), {from.id, w, b}, {}, {name}).front()};
  };
  const Value first = relu(layer(x, 8, 16, "one"));
  graph.mark_output(layer(relu(layer(first, 16, 16, "two")), 16, 3, "full").id);
  graph.mark_output(layer(first, 16, 3, "early").id);
  write_onnx(graph, folder.file("heads.onnx"));
  Options options;
  options.state = folder.file("state");
  ModelOptions model;
  model.name = "colours";
  model.path = folder.file("heads.onnx");
  model.labels = {"red", "green", "blue"};
  model.exit = "early";
  model.planner = "thorough";
  options.models.push_back(model);
  model.name = "thorough";
  model.exit = "";
  model.planner = "";
  options.models.push_back(model);
  options.hrm.router.accept = 1;
  const auto early = load_model(options.models[0], drivers::all_drivers());
  CHECK(early->graph.nodes().size() == 3);
  CHECK(early->outputs.size() == 1);
  CHECK(early->outputs[0].name == "early");
  RunningService running(options, folder);
  const auto input = Tensor::from<float>({1, 8}, std::vector<float>(8, 0.3f));
  const Answered answered = running.ask(input);
  CHECK(answered.result.rows[0].decision.route == hrm::Route::high);
  const auto whole = Session(graph, {}).run(std::array{input});
  CHECK(answered.result.outputs[0].values<float>()[0] == Approx(whole[1].values<float>()[0]));
  options.models[0].exit = "nowhere";
  CHECK_THROWS_WITH(load_model(options.models[0], drivers::all_drivers()),
                    Contains("no value called 'nowhere'"));
}

}  // namespace dormouse::daemon
