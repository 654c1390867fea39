#include "hrm/signals.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace dormouse;
using namespace dormouse::hrm;

TEST_CASE("signals say how sure the model is and what memory makes of its answer", "[signals]") {
  const std::vector<float> probabilities{0.2f, 0.7f, 0.1f}, logits{1.0f, 2.0f, 0.0f};
  const std::vector<Neighbour> neighbours{{1, 1.0f}, {1, 3.0f}, {0, 4.0f}, {1, 4.0f}};
  const std::vector<PrototypeDistance> concepts{{0, 0.5f, 1}, {1, 5.0f, 1}, {1, 2.0f, 1}};
  const Signals signals = signals_of(probabilities, logits, {neighbours, concepts}, 0.5f);
  CHECK(signals[0] == Approx(0.7));
  CHECK(signals[1] == Approx(0.5));
  CHECK(signals[2] == Approx(-std::log(std::exp(1.0) + std::exp(2.0) + 1)));
  CHECK(signals[3] == Approx(0.75));
  CHECK(signals[4] == Approx(3 / 0.5));
  CHECK(signals[5] == Approx(2 / 0.5));
  CHECK(signals[6] == Approx(0.5));
  CHECK(signals[kAnswer] == 1);
}

TEST_CASE("without memory its signals are 0, but for novelty", "[signals]") {
  const std::vector<float> one{1.0f};
  CHECK(signals_of(one, {}, {}, 0) == Signals{1, 1, 0, 0, 0, 0, 1, 0});
}

TEST_CASE("signals are finite whatever comes", "[signals]") {
  const float most = std::numeric_limits<float>::max();
  const std::vector<float> probabilities{0.5f, 0.5f}, logits{most, -most};
  const std::vector<Neighbour> neighbours{{0, std::numeric_limits<float>::infinity()},
                                          {0, std::numeric_limits<float>::quiet_NaN()}};
  const Signals signals = signals_of(probabilities, logits, {neighbours, {}}, 1e-30f);
  CHECK(std::ranges::all_of(signals, [](float x) { return std::isfinite(x); }));
}
