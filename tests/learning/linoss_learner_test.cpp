#include "learning/linoss_learner.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

using namespace dormouse;
using namespace dormouse::learning;

namespace {

constexpr std::uint64_t kSeed = 4;

LinossOptions predictor() { return {.inputs = 1, .hidden = 8, .oscillators = 6, .blocks = 1, .outputs = 1}; }

LinossLearner learner() {
  Random random(kSeed);
  return {predictor(), initial_weights(predictor(), random), {.rate = 3e-3}};
}

/// Two tones that are no multiples of each other.
float signal(int t) { return static_cast<float>(std::sin(0.31 * t) + 0.5 * std::sin(0.83 * t + 1)); }

/// Predicts samples [from, to) of the signal, each from those before it; the mean loss.
double predict(LinossLearner& learner, int from, int to) {
  double loss = 0;
  for (int t = from; t < to; ++t)
    loss += static_cast<double>(learner.step(std::array{signal(t)}, std::array{signal(t + 1)}).loss);
  return loss / (to - from);
}

bool same(const LinossLearner::Progress& a, const LinossLearner::Progress& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return x.first == y.first && std::ranges::equal(x.second.bytes(), y.second.bytes());
  });
}

}  // namespace

TEST_CASE("a stream is learnt from itself, sample by sample", "[linoss]") {
  INFO("seed " << kSeed);
  LinossLearner online = learner();
  const double at_first = predict(online, 0, 100);
  predict(online, 100, 4000);
  const double in_the_end = predict(online, 4000, 5000);
  CHECK(at_first > 0.2);  // the signal's power is 0.625
  CHECK(in_the_end < 0.02);
}

TEST_CASE("a learner goes on bit for bit where another one was", "[linoss]") {
  LinossLearner online = learner(), other = learner();
  predict(online, 0, 50);
  const LinossLearner::Progress progress = online.progress();
  predict(online, 50, 80);
  other.restore(progress);
  predict(other, 50, 80);
  CHECK(same(online.progress(), other.progress()));
  CHECK_FALSE(same(online.progress(), progress));
  CHECK(online.weights().size() == progress.size() / 3 - 1);  // two moments each; three states, updates

  LinossLearner::Progress damaged = progress;
  damaged.erase("block0.traces");
  CHECK_THROWS_WITH(other.restore(damaged), Catch::Contains("'block0.traces'"));
  CHECK(same(online.progress(), other.progress()));
}

TEST_CASE("nothing is learnt from a sample whose loss is not finite", "[linoss]") {
  LinossLearner online = learner();
  predict(online, 0, 20);
  const LinossLearner::Progress before = online.progress();
  const float infinite = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH(online.step(std::array{0.0f}, std::array{infinite}), Catch::Contains("sample 21"));
  CHECK(same(online.progress(), before));
}
