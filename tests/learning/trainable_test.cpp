#include "learning/trainable.h"

#include <array>

#include "engine/value.h"
#include "learning/linear_layer.h"
#include "learning/night.h"
#include "learning/standardise.h"
#include "learning/step.h"
#include "tests/learning/clusters.h"
#include "tests/learning/parts.h"

using namespace dormouse;
using namespace dormouse::learning;
using engine::ValueId;

namespace {

constexpr std::uint64_t kSeed = 21;
constexpr std::size_t kWidth = 12, kClasses = 5;

engine::Graph part(bool deep) {
  Parts parts(kSeed);
  return deep ? parts.mlp(kWidth, 20, kClasses) : parts.linear(kWidth, kClasses);
}

engine::Graph adapted(bool deep, const LatentScale* scale = nullptr) {
  engine::Graph graph = part(deep);
  apply(graph, graph.inputs()[0], {{}, 4}, scale);
  return graph;
}

std::vector<std::string> names(const engine::Graph& graph) {
  std::vector<std::string> all;
  for (const auto& [name, tensor] : parameters_by_name(graph)) all.push_back(name);
  return all;
}

/// The same part with random numbers in every adapter.
engine::Graph shaken(engine::Graph graph) {
  Parts parts(kSeed + 1);
  for (const ValueId id : parameters_of(graph))
    if (graph.value(id).name.ends_with(".up"))
      graph.set_constant(id, parts.weights(graph.value(id).shape, 0.5));
  return graph;
}

}  // namespace

TEST_CASE("the words of a configuration say what learns", "[trainable]") {
  CHECK(parse_trainable("head.*") == Trainable{});
  CHECK(parse_trainable("lora(8)") == Trainable{{}, 8});
  CHECK(parse_trainable("all") == Trainable{{}, 0, true});
  for (const char* wrong :
       {"", "lora", "lora()", "lora(1)", "lora(257)", "lora(8", "lora(8x)", "lora(-2)", "tail.*"})
    CHECK(parse_trainable(wrong) == std::nullopt);
}

TEST_CASE("adapters change nothing before they are trained, and leave what they adapt alone", "[trainable]") {
  const bool deep = GENERATE(false, true);
  INFO("seed " << kSeed << ", deep " << deep);
  Clusters clusters(kClasses, kWidth, 1.0, kSeed);
  const LabelledLatents data = clusters.draw(20, 0, kClasses);
  const LatentScale scale = scale_of(statistics_of(data, kClasses), kWidth);
  const engine::Graph before = part(deep), after = adapted(deep, &scale);

  CHECK(largest_difference(run_part(before, data.latents, {}), run_part(after, data.latents, {})) == 0);
  const std::string adapter = deep ? "fc1.weight.lora" : "latent.adapter", head = deep ? "fc2" : "head";
  std::vector<std::string> expected{head + ".weight", head + ".bias", adapter + ".down", adapter + ".shift",
                                    adapter + ".up"};
  std::ranges::sort(expected);
  CHECK(names(after) == expected);
  CHECK(names(adapted(deep, &scale)) == expected);
  CHECK(largest_difference(parameters_by_name(after).at(adapter + ".down"),
                           parameters_by_name(adapted(deep, &scale)).at(adapter + ".down")) == 0);
}

TEST_CASE("adapters read the latent in standardised coordinates", "[trainable]") {
  const bool deep = GENERATE(false, true);
  INFO("seed " << kSeed << ", deep " << deep);
  Clusters clusters(kClasses, kWidth, 1.0, kSeed);
  const LabelledLatents data = clusters.draw(20, 0, kClasses);
  const LatentScale scale = scale_of(statistics_of(data, kClasses), kWidth);
  const engine::Graph own = shaken(adapted(deep, &scale));
  const Standardised standard(own, scale);

  REQUIRE(standard.scale().deviation == scale.deviation);
  CHECK(standard.scale().mean == scale.mean);
  const Tensor expected = run_part(own, data.latents, {});
  CHECK(largest_difference(run_part(standard.graph(), standard.apply(data.latents), {}), expected) < 1e-4);
  CHECK(largest_difference(
            run_part(Standardised::restore(standard.graph(), standard.scale()), data.latents, {}), expected) <
        1e-4);
  // Centred: on the mean latent the adapter has nothing to add.
  const std::string adapter = deep ? "fc1.weight.lora" : "latent.adapter";
  const Parameters parameters = parameters_by_name(standard.graph());
  for (const float v : parameters.at(adapter + ".shift").values<float>()) CHECK(v == Approx(0).margin(1e-5));
}

TEST_CASE("training moves adapters and head, and nothing else", "[trainable]") {
  const bool deep = GENERATE(false, true);
  INFO("seed " << kSeed << ", deep " << deep);
  Clusters clusters(kClasses, kWidth, 0.5, kSeed);
  const LabelledLatents data = clusters.draw(60, 0, kClasses);
  const Standardised standard(adapted(deep), scale_of(statistics_of(data, kClasses), kWidth));
  const Tensor rows = standard.apply(data.latents), targets = one_hot(data.classes, kClasses);
  Trainer trainer(standard.graph(), nullptr, {});
  float first = 0, last = 0;
  for (int step = 0; step < 200; ++step) {
    last = trainer.step(rows, targets, {}, 0.03f);
    if (step == 0) first = last;
  }
  CHECK(last < 0.8f * first);
  const engine::Graph trained = trainer.graph();
  const std::vector<ValueId> moving = parameters_of(trained);
  for (std::size_t i = 0; i < trained.value_count(); ++i) {
    const auto id = static_cast<ValueId>(i);
    const engine::ValueInfo& now = trained.value(id);
    if (!now.constant || now.dtype != engine::DType::f32) continue;
    INFO(now.name);
    const bool same = largest_difference(*now.constant, *standard.graph().value(id).constant) == 0;
    CHECK(same == (std::ranges::count(moving, id) == 0));
  }
}

TEST_CASE("names choose what learns; the head and the biases of chosen weights always do", "[trainable]") {
  engine::Graph graph = part(true);
  const ValueId cut = graph.inputs()[0];
  apply(graph, cut, {{"fc2.*"}, 0}, nullptr);
  CHECK(names(graph) == std::vector<std::string>{"fc2.bias", "fc2.weight"});
  graph = part(true);
  apply(graph, cut, {{"*2.w*t"}, 0}, nullptr);
  CHECK(names(graph).size() == 2);
  graph = part(true);
  apply(graph, cut, {{"fc1.weight"}, 0}, nullptr);
  CHECK(names(graph).size() == 4);
  graph = part(true);
  apply(graph, cut, {}, nullptr);
  CHECK(names(graph).size() == 4);
  CHECK_THROWS_WITH(apply(graph, cut, {{"fc3.*"}, 0}, nullptr),
                    Catch::Contains("fc3.*") && Catch::Contains("fc1.weight"));
}

TEST_CASE("an adapted model computes the latent as before", "[trainable]") {
  using namespace dormouse::engine;
  Graph graph = part(true);
  const ValueId latent = graph.inputs()[0], logits = graph.outputs()[0];
  const ValueId cut = graph.nodes()[2].outputs[0];  // of the Relu
  graph.rename(cut, "features");
  graph.set_outputs({logits, cut});
  const Tensor inputs = Parts(kSeed).weights(Shape{6, kWidth}, 1.0);
  const Graph before = extract(graph, std::array{latent}, std::array{cut});
  apply(graph, cut, {{}, 3}, nullptr);
  const Graph shaken_graph = shaken(graph);
  const Graph after = extract(shaken_graph, std::array{latent}, std::array{cut});
  CHECK(largest_difference(run_part(before, inputs, {}), run_part(after, inputs, {})) == 0);
  CHECK(largest_difference(
            run_part(extract(graph, std::array{latent}, std::array{logits}), inputs, {}),
            run_part(extract(shaken_graph, std::array{latent}, std::array{logits}), inputs, {})) > 0.01);
}

TEST_CASE("a trunk learns but for its front end and what it normalises with", "[trainable]") {
  using namespace dormouse::engine;
  Graph graph = part(true);
  const Value x{&graph, graph.inputs()[0]};
  graph.rename(graph.nodes()[2].outputs[0], "front");  // of the Relu
  apply(graph, x.id, {{}, 0, true}, nullptr);
  CHECK(names(graph).size() == 4);
  graph.metadata.emplace_back(kFrontEnd, "front");
  apply(graph, x.id, {{}, 0, true}, nullptr);
  CHECK(names(graph) == std::vector<std::string>{"fc2.bias", "fc2.weight"});

  Graph normalised;
  const Value y{&normalised, normalised.add_input("y", DType::f32, {kDynamic, 2})};
  const Value mean{&normalised, normalised.add_constant("mean", Tensor::from<float>({2}, {1, 2}))};
  const Value w{&normalised, normalised.add_constant("w", Tensor::from<float>({2, 2}, {1, 2, 3, 4}))};
  normalised.mark_output(matmul(y - mean, w).id);
  apply(normalised, y.id, {{}, 0, true}, nullptr);
  CHECK(names(normalised) == std::vector<std::string>{"w"});
}

TEST_CASE("names stand for parameters before the cut as well", "[trainable]") {
  INFO("seed " << kSeed);
  engine::Graph graph = part(true);
  const ValueId cut = linear_layer_to(graph, graph.outputs()[0])->input;  // behind it is fc2 alone
  engine::Graph behind = graph;
  CHECK_THROWS_WITH(apply(behind, cut, {.patterns = {"fc1.*"}}, nullptr), Catch::Contains("fc2.weight"));
  engine::Graph head = graph;
  apply(head, cut, {.patterns = {"fc2.weight"}, .anywhere = true}, nullptr);
  CHECK(names(head) == std::vector<std::string>{"fc2.bias", "fc2.weight"});
  apply(graph, cut, {.patterns = {"fc1.w*"}, .anywhere = true}, nullptr);
  CHECK(names(graph) == std::vector<std::string>{"fc1.bias", "fc1.weight", "fc2.bias", "fc2.weight"});
}
