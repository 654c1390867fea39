#include "learning/kernel_night.h"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <numeric>

#include "learning/calibration.h"
#include "learning/committee_learner.h"
#include "learning/night.h"
#include "learning/sleep.h"
#include "tests/learning/clusters.h"
#include "tests/learning/parts.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

constexpr std::uint64_t kSeed = 41;
constexpr std::size_t kWidth = 16, kClasses = 5, kSpots = 4;

/// Every class lies in several places, so that no linear head can tell all of them apart.
struct Scattered {
  Clusters clusters{kClasses * kSpots, kWidth, 0.8, kSeed};
  SleepInputs inputs;
  LabelledLatents test;

  Scattered() {
    inputs.id = "1";
    inputs.model = "scattered";
    for (std::size_t c = 0; c < kClasses; ++c) inputs.labels.push_back("class " + std::to_string(c));
    inputs.trainable = Parts(kSeed).linear(kWidth, kClasses, 0.01);
    inputs.replay = draw(30);
    inputs.heldout = draw(10);
    inputs.taught = draw(10);
    inputs.taught_heldout = draw(3);
    inputs.episodes.resize(inputs.taught.size());
    std::iota(inputs.episodes.begin(), inputs.episodes.end(), 1);
    test = draw(50);
  }
  LabelledLatents draw(std::size_t per_spot) {
    LabelledLatents drawn = clusters.draw(per_spot, 0, kClasses * kSpots);
    for (ClassIndex& c : drawn.classes) c = static_cast<ClassIndex>(c % kClasses);
    return drawn;
  }
  double right(const Tensor& logits) const {
    return accuracy(predictions(logits), test.classes, 0, kClasses);
  }
};

SleepResult sleep(const SleepInputs& inputs, SleepOptions options) {
  SleepCycle night(inputs, options);
  while (night.advance()) {
  }
  return night.result();
}

}  // namespace

TEST_CASE("a kernel head is seated where the network alone cannot do it", "[kernel]") {
  const Scattered world;
  const SleepResult night = sleep(world.inputs, {.steps = 300, .seed = kSeed});
  INFO("seed " << kSeed << "\n" << to_text(night.report));
  REQUIRE(night.accepted);
  REQUIRE(night.kernel);
  CHECK(night.kernel->examples.size() == 800);
  const Tensor network = run_part(night.trainable, world.test.latents, {});
  const Tensor pool = night.kernel->open().pool(network, world.test.latents);
  CHECK(world.right(pool) > world.right(network) + 0.1);
  CHECK(night.report.kernel->right > night.report.kernel->network_right + 0.05);
  CHECK(to_json(night.report).at("kernel").at("examples") == 800);
}

TEST_CASE("a night answers as the library that the ladder measures", "[kernel]") {
  const Scattered world;
  const SleepResult night = sleep(world.inputs, {.steps = 100, .seed = kSeed});
  REQUIRE(night.kernel);
  // The same latents, labels and bytes through the calls of CommitteeLearner::sleep().
  const CommitteeOptions ladder;
  LabelledLatents examples = concatenate(world.inputs.replay, world.inputs.taught);
  examples.latents = dequantise(quantise(examples.latents));
  const engine::KernelHead head = fit_kernel(examples, kClasses, ladder.kernel);
  const auto scores = [&](const Tensor& latents) {
    return std::vector{run_part(night.trainable, latents, {}), head.scores(latents)};
  };
  const LabelledLatents unseen = concatenate(world.inputs.heldout, world.inputs.taught_heldout);
  const Committee committee = seat_committee(scores(unseen.latents), unseen.classes, {{1, 1}, ladder.prior});
  const Tensor expected = committee.combine(scores(world.test.latents));
  const Tensor pool =
      night.kernel->open().pool(run_part(night.trainable, world.test.latents, {}), world.test.latents);
  for (std::size_t i = 0; i < pool.values<float>().size(); ++i)
    REQUIRE(pool.values<float>()[i] == Approx(expected.values<float>()[i]).margin(1e-3));
}

TEST_CASE("no example is judged by weights that its own label helped to find", "[kernel]") {
  const Scattered world;
  const Tensor logits = run_part(world.inputs.trainable, world.inputs.heldout.latents, {});
  KernelNight fitted(world.inputs, 100);
  while (fitted.fit_more()) {
  }
  const auto judged = [&](const LabelledLatents& held_out) {
    KernelNight night = fitted;
    while (night.seat_more(logits, held_out)) {
    }
    return night.judged(logits, held_out.latents);
  };
  const Tensor before = judged(world.inputs.heldout);
  for (std::size_t i = 0; i < 20; ++i) {
    LabelledLatents other = world.inputs.heldout;
    other.classes[i] = static_cast<ClassIndex>((other.classes[i] + 1) % kClasses);
    const Tensor after = judged(other);
    const auto row = [&](const Tensor& all, std::size_t at) {
      return all.values<float>().subspan(at * kClasses, kClasses);
    };
    INFO("held-out example " << i);
    CHECK(std::ranges::equal(row(before, i), row(after, i)));
    std::size_t moved = 0;
    for (std::size_t j = 0; j < other.size(); ++j)
      moved += !std::ranges::equal(row(before, j), row(after, j));
    CHECK(moved > other.size() / 2);
  }
}

TEST_CASE("the examples are as many of each class, new and old ones in turn", "[kernel]") {
  Scattered world;
  SleepOptions options{.steps = 20, .seed = kSeed};
  options.kernel_examples = 50;
  const SleepResult night = sleep(world.inputs, options);
  REQUIRE(night.kernel);
  std::vector<std::size_t> of_class(kClasses);
  std::size_t episodes = 0;
  for (std::size_t i = 0; i < 50; ++i) {
    ++of_class[night.kernel->examples.classes[i]];
    const std::uint64_t episode = night.kernel->examples.episodes[i];
    episodes += episode != 0;
    if (episode != 0) CHECK(night.kernel->examples.classes[i] == world.inputs.taught.classes[episode - 1]);
  }
  CHECK(of_class == std::vector<std::size_t>(kClasses, 10));
  CHECK(episodes == 25);
}

TEST_CASE("controls, and nights that are told so, have no kernel head", "[kernel]") {
  Scattered world;
  SleepOptions options{.steps = 20, .seed = kSeed};
  SECTION("off") { options.kernel_examples = 0; }
  SECTION("plain fine-tuning") { options.strategy = Strategy::finetune; }
  SECTION("joint training") { options.strategy = Strategy::joint; }
  SECTION("nobody says which episodes these are") { world.inputs.episodes.clear(); }
  const SleepResult night = sleep(world.inputs, options);
  CHECK_FALSE(night.kernel);
  CHECK_FALSE(night.report.kernel);
}

TEST_CASE("the next night has the kernel head awake to hold against", "[kernel]") {
  Scattered world;
  const SleepResult first = sleep(world.inputs, {.steps = 300, .seed = kSeed});
  REQUIRE(first.kernel);
  SleepInputs next = world.inputs;
  next.trainable = first.trainable;
  next.temperature = first.temperature;
  next.kernel = first.kernel->open();
  SleepOptions alone{.steps = 300, .seed = kSeed};
  alone.kernel_examples = 0;
  const SleepResult worse = sleep(next, alone);
  INFO(to_text(worse.report));
  CHECK_FALSE(worse.accepted);
  CHECK(worse.report.verdict.all.before() > worse.report.verdict.all.after() + 0.05);
}
