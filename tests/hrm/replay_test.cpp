#include "hrm/replay.h"

#include <random>

#include "config/error.h"

using namespace dormouse;
using namespace dormouse::hrm;

namespace {

/// The low model, a tenth as dear, is right with probability 1 − 0.4·(1 − agreement)²; its confidence says
/// less about that. The high model errs once in 50.
std::vector<TracedRequest> trace(std::size_t requests) {
  std::mt19937_64 random(11);
  const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  std::vector<TracedRequest> drawn(requests);
  for (TracedRequest& request : drawn) {
    const double ease = uniform(), noise = uniform();
    request.signals[kConfidence] = static_cast<float>((ease + noise) / 2);
    request.signals[3] = static_cast<float>(ease);
    request.low_right = uniform() >= 0.4 * (1 - ease) * (1 - ease);
    request.refuted = !request.low_right;
    request.high_right = uniform() >= 0.02;
    request.low_us = 10, request.high_us = 100;
  }
  return drawn;
}

}  // namespace

TEST_CASE("a replay keeps its promise on held-out requests, and the gate beats confidence and lot",
          "[replay]") {
  INFO("trace seed 11, split seed 1");
  const Replay result =
      replay(trace(8000), {.promise = {.target_error = 0.05, .delta = 0.05}, .audits = 2000, .splits = 200});
  CHECK(result.learnt == 2000);
  CHECK(result.tested == 6000);
  CHECK(result.gate.certified >= 190);
  CHECK(result.gate.violated <= 10);
  CHECK(result.gate.broken <= 10);
  CHECK(result.confidence.violated <= 10);
  CHECK(result.gate.mean.compute < result.confidence.mean.compute);
  CHECK(result.gate.mean.accuracy > result.random.accuracy + 0.02);
  CHECK(result.always_low.compute == Approx(0.1));
  CHECK(result.always_high.compute == Approx(1));
  CHECK(result.always_high.accepted == 0);
  CHECK(result.oracle.accuracy > result.always_high.accuracy);
  CHECK(result.random.compute == Approx(result.gate.mean.compute));
  CHECK(result.gate_curve.back().accepted > 0.98);
  for (std::size_t i = 1; i < result.gate_curve.size(); ++i)
    CHECK(result.gate_curve[i].compute < result.gate_curve[i - 1].compute);
}

TEST_CASE("the same replay gives the same result, another seed other splits", "[replay]") {
  const auto requests = trace(2000);
  const ReplayOptions options{.promise = {.target_error = 0.1}, .audits = 500, .splits = 20};
  ReplayOptions other = options;
  other.seed = 2;
  CHECK(replay(requests, options).gate.mean.error == replay(requests, options).gate.mean.error);
  CHECK(replay(requests, options).gate.mean.error != replay(requests, other).gate.mean.error);
}

TEST_CASE("what audits refute is promised, what is true is counted", "[replay]") {
  auto requests = trace(1000);
  for (TracedRequest& request : requests) request.refuted = false, request.low_right = false;
  const Replay result = replay(requests, {.promise = {}, .audits = 500, .splits = 5});
  CHECK(result.gate.certified == 5);
  CHECK(result.always_low.error == 0);
  CHECK(result.always_low.accuracy == 0);
}

TEST_CASE("a gate learns from as many requests as are set aside for it", "[replay]") {
  const auto requests = trace(1000);
  const Replay result = replay(requests, {.promise = {}, .lessons = 100, .audits = 200, .splits = 1});
  CHECK(result.learnt == 100);
  CHECK(result.tested == 900);
  CHECK_THROWS_AS(replay(requests, {.promise = {}, .lessons = 2000, .audits = 200, .splits = 1}), Failure);
}

TEST_CASE("a trace too short for its audits is refused", "[replay]") {
  CHECK_THROWS_AS(replay(trace(100), {.promise = {}, .audits = 75}), Failure);
  CHECK_NOTHROW(replay(trace(100), {.promise = {}, .audits = 74, .splits = 1}));
  CHECK_THROWS_AS(replay({}, {}), Failure);
  CHECK_THROWS_AS(replay(trace(100), {.promise = {}, .audits = 10, .splits = 0}), Failure);
}
