#include "learning/seed_inputs.h"

#include <array>

#include "tests/learning/clusters.h"
#include "tests/learning/parts.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

constexpr std::uint64_t kSeed = 33;
constexpr std::size_t kInput = 6, kClasses = 3;

/// x [N, 2, 3] → latent [N, 6]: every element scaled.
engine::Graph trunk(float scale) {
  using namespace engine;
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, Shape{kDynamic, 2, 3})};
  graph.mark_output((apply("Flatten", {x}) * double{scale}).id);
  return graph;
}

struct World {
  LabelledLatents train, heldout;
  Seed seed;
  SeedInputs inputs{PackedInputs(Shape{1, 2, 3}), PackedInputs(Shape{1, 2, 3})};

  World() {
    Parts parts(kSeed);
    Clusters clusters(kClasses, kInput, 1.5, kSeed);
    train = clusters.draw(40, 0, kClasses);
    heldout = clusters.draw(10, 0, kClasses);
    seed = make_seed(parts.linear(kInput, kClasses), {"a", "b", "c"}, train, heldout, {},
                     {.fisher_samples = 5, .seed = kSeed});
    for (std::size_t i = 0; i < 60; ++i) inputs.replay.add(train.row(i), train.classes[i]);
    for (std::size_t i = 0; i < heldout.size(); ++i) inputs.heldout.add(heldout.row(i), heldout.classes[i]);
  }
};

}  // namespace

TEST_CASE("inputs come back from the seed's file as they were packed, beside the seed", "[seed]") {
  INFO("seed " << kSeed);
  const World world;
  TemporaryFolder folder;
  write_seed(folder / "x.safetensors", world.seed, world.inputs);
  CHECK(read_seed(folder / "x.safetensors").replay.size() == world.seed.replay.size());
  const auto back = read_seed_inputs(folder / "x.safetensors", kClasses);
  REQUIRE(back);
  CHECK(back->replay.shape() == Shape{1, 2, 3});
  CHECK(std::ranges::equal(back->replay.bytes(), world.inputs.replay.bytes()));
  CHECK(back->heldout.classes() == world.inputs.heldout.classes());
  const LabelledLatents rows = back->replay.rows();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto [low, high] = std::ranges::minmax(world.train.row(i));
    for (std::size_t j = 0; j < kInput; ++j)  // half a step, and what rounding the range outwards adds
      CHECK(rows.row(i)[j] == Approx(world.train.row(i)[j]).margin(double(high - low) / 255 * 0.6 + 0.02));
  }
  CHECK_THROWS_WITH(read_seed_inputs(folder / "x.safetensors", 2), Catch::Contains("class 2"));

  write_seed(folder / "y.safetensors", world.seed);
  CHECK_FALSE(read_seed_inputs(folder / "y.safetensors", kClasses));
}

TEST_CASE("packed inputs that are too short for their shape are refused", "[seed]") {
  CHECK_THROWS_AS(PackedInputs(Shape{1, 2, 3}, std::vector<std::byte>(5), {0}), Failure);
}

TEST_CASE("another trunk sees the seed by its inputs, with the same weight of every class", "[seed]") {
  const World world;
  const engine::Session session(trunk(2), {});
  const Seed seen = reembedded(world.seed, world.inputs, session);
  REQUIRE(seen.replay.size() == 60);
  CHECK(seen.heldout.size() == 30);
  CHECK(seen.labels == world.seed.labels);
  const LabelledLatents rows = world.inputs.replay.rows();
  for (std::size_t i = 0; i < rows.size(); ++i)
    CHECK(seen.replay.row(i)[1] == Approx(2 * rows.row(i)[1]).margin(1e-5));
  for (std::size_t c = 0; c < kClasses; ++c) {
    CHECK(seen.statistics[c].count == Approx(world.seed.statistics[c].count));
    double sum = 0;
    for (std::size_t i = 0; i < rows.size(); ++i)
      sum += rows.classes[i] == c ? 2 * double(rows.row(i)[0]) : 0;
    CHECK(seen.statistics[c].sum[0] / seen.statistics[c].count == Approx(sum / 20).epsilon(1e-4));
  }
  const SeedInputs none{PackedInputs(Shape{1, 2, 3}), PackedInputs(Shape{1, 2, 3})};
  CHECK_THROWS_AS(reembedded(world.seed, none, session), Failure);
}
