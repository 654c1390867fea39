#include "learning/linear_layer.h"
#include "learning/night.h"
#include "learning/standardise.h"
#include "tests/learning/clusters.h"
#include "tests/learning/parts.h"

using namespace dormouse;
using namespace dormouse::learning;

TEST_CASE("a standardised part computes the same function, and comes back", "[standardise]") {
  constexpr std::uint64_t kSeed = 8;
  Parts parts(kSeed);
  const bool deep = GENERATE(false, true);
  INFO("seed " << kSeed << ", deep " << deep);
  const engine::Graph part = deep ? parts.mlp(12, 20, 5) : parts.linear(12, 5);
  Clusters clusters(5, 12, 1.0, kSeed);
  const LabelledLatents data = clusters.draw(20, 0, 5);

  const Standardised standard(part, scale_of(statistics_of(data, 5), 12));
  const Tensor expected = run_part(part, data.latents, {});
  const Tensor z = standard.apply(data.latents);
  CHECK(largest_difference(run_part(standard.graph(), z, {}), expected) < 1e-4);
  CHECK(largest_difference(
            run_part(Standardised::restore(standard.graph(), standard.scale()), data.latents, {}), expected) <
        1e-4);
  double mean = 0, square = 0;
  for (std::size_t i = 0; i < data.size(); ++i) {
    mean += double{z.values<float>()[i * 12]};
    square += double{z.values<float>()[i * 12]} * double{z.values<float>()[i * 12]};
  }
  CHECK(mean / double(data.size()) == Approx(0).margin(1e-4));
  CHECK(square / double(data.size()) == Approx(1).epsilon(1e-3));
}

TEST_CASE("a part that does not start with a linear layer keeps its own coordinates", "[standardise]") {
  using namespace dormouse::engine;
  Graph graph;
  const ValueId latent = graph.add_input("latent", DType::f32, Shape{kDynamic, 3});
  const ValueId active = graph.add_node(*find_op("", "Relu"), {latent}).front();
  const ValueId w = graph.add_constant("w", Tensor::from<float>(Shape{3, 2}, {1, 2, 3, 4, 5, 6}));
  graph.mark_output(graph.add_node(*find_op("", "MatMul"), {active, w}).front());
  const Standardised standard(graph, {{1, 1, 1}, {2, 2, 2}});
  CHECK(standard.scale().mean == std::vector<float>{0, 0, 0});
  CHECK(standard.scale().deviation == std::vector<float>{1, 1, 1});
}

TEST_CASE("a grown head answers old classes as before and gains rows", "[head]") {
  Parts parts(4);
  const bool deep = GENERATE(false, true);
  engine::Graph part = deep ? parts.mlp(6, 8, 3) : parts.linear(6, 3);
  const Tensor latents = parts.weights(Shape{10, 6}, 1.0);
  const Tensor before = run_part(part, latents, {});
  HeadRows rows{parts.weights(Shape{2, deep ? 8 : 6}, 1.0), Tensor::from<float>(Shape{2}, {5.0f, -7.0f})};
  grow_head(part, rows);
  const Tensor after = run_part(part, latents, {});
  REQUIRE(after.shape() == Shape{10, 5});
  for (std::size_t i = 0; i < 10; ++i)
    for (std::size_t c = 0; c < 3; ++c)
      CHECK(after.values<float>()[i * 5 + c] == before.values<float>()[i * 3 + c]);
  if (!deep) {
    float logit = 5.0f;
    for (std::size_t i = 0; i < 6; ++i) logit += rows.weights.values<float>()[i] * latents.values<float>()[i];
    CHECK(after.values<float>()[3] == Approx(logit));
  }
}

TEST_CASE("a new row from the fast head ties with the old classes on its own examples", "[head]") {
  constexpr std::uint64_t kSeed = 15;
  INFO("seed " << kSeed);
  Parts parts(kSeed);
  Clusters clusters(4, 10, 1.0, kSeed);
  engine::Graph part = parts.linear(10, 3);
  engine::LinearHead fast{parts.weights(Shape{11, 4}, 0.3), 0.5f};
  const LabelledLatents data = clusters.draw(30, 0, 4);
  grow_head(part, rows_from_fast(part, &fast, 1.0f, data, 4));
  const Tensor logits = run_part(part, data.latents, {});
  double gap = 0;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data.classes[i] != 3) continue;
    const auto row = logits.values<float>().subspan(i * 4, 4);
    gap += std::log(std::exp(double{row[0]}) + std::exp(double{row[1]}) + std::exp(double{row[2]})) -
           double{row[3]};
  }
  CHECK(gap / 30 == Approx(0).margin(1e-3));
}

TEST_CASE("a head without a linear layer cannot grow and says so", "[head]") {
  using namespace dormouse::engine;
  Graph graph;
  const ValueId latent = graph.add_input("latent", DType::f32, Shape{kDynamic, 3});
  graph.mark_output(graph.add_node(*find_op("", "Relu"), {latent}).front());
  CHECK_THROWS_AS(grow_head(graph, {Tensor(DType::f32, Shape{1, 3}), Tensor(DType::f32, Shape{1})}), Failure);
}
