#include "hrm/router.h"

#include <numeric>

#include "config/error.h"

using namespace dormouse;
using namespace dormouse::hrm;

namespace {

const std::vector<float> kSure{0.95f, 0.03f, 0.02f};
const std::vector<float> kUnsure{0.45f, 0.40f, 0.15f};

float total(const std::vector<float>& p) { return std::accumulate(p.begin(), p.end(), 0.0f); }

}  // namespace

TEST_CASE("each answer takes the shortest route that is sure enough", "[router]") {
  const Router router({.accept = 0.7f});
  const std::vector<Neighbour> of_class_1{{1, 0.1f}, {1, 0.12f}, {0, 1.0f}, {2, 1.1f}};
  const std::vector<Neighbour> torn{{0, 0.5f}, {1, 0.5f}};
  struct Row {
    const char* what;
    std::vector<float> low;
    std::vector<Neighbour> neighbours;
    Route route;
    bool planner;
    std::uint32_t predicted;
  };
  const std::vector<Row> table{
      {"sure without memory", kSure, {}, Route::low, false, 0},
      {"sure against memory", kSure, of_class_1, Route::low, false, 0},
      {"memory decides", {0.30f, 0.55f, 0.15f}, of_class_1, Route::hybrid, false, 1},
      {"memory turns the answer", kUnsure, of_class_1, Route::hybrid, true, 1},
      {"memory is torn too", kUnsure, torn, Route::hybrid, true, 0},
      {"memory is empty", kUnsure, {}, Route::low, true, 0},
  };
  for (const Row& row : table) {
    INFO(row.what);
    const Decision decision = router.hybrid(row.low, {row.neighbours, {}});
    CHECK(decision.route == row.route);
    CHECK(router.wants_planner(decision) == row.planner);
    CHECK(decision.predicted == row.predicted);
    CHECK(total(decision.probabilities) == Approx(1).margin(1e-5));
    CHECK_FALSE(decision.why.sentence.empty());
  }
}

TEST_CASE("a class of ten memories weighs as much as one of thousands", "[router]") {
  const Router router({.mixing = 0.0f});
  std::vector<Neighbour> crowd(1000, {0, 0.5f});
  crowd.push_back({1, 0.5f});
  const Decision decision = router.hybrid(kUnsure, {crowd, {}});
  CHECK(decision.probabilities[0] == Approx(decision.probabilities[1]));
  CHECK(decision.probabilities[2] == 0.0f);
}

TEST_CASE("a concept speaks for a class without neighbours", "[router]") {
  const Router router({.mixing = 0.0f});
  const std::vector<Neighbour> far{{0, 2.0f}};
  const std::vector<PrototypeDistance> near{{2, 0.1f, 0.2f}};
  CHECK(router.hybrid(kUnsure, {far, near}).predicted == 2);
}

TEST_CASE("the planner distributes only the mass of classes it knows", "[router]") {
  const Router router({.accept = 0.9f});
  const Decision before = router.low(kUnsure);
  const std::vector<float> planner{0.1f, 0.9f};
  const std::vector<std::uint32_t> knows{0, 1};
  const Decision after = router.high(before, planner, knows);
  CHECK(after.route == Route::high);
  CHECK(after.predicted == 1);
  CHECK(after.probabilities[2] == Approx(0.15f));
  CHECK(after.probabilities[1] == Approx(0.9f * 0.85f));
  CHECK(total(after.probabilities) == Approx(1));
  CHECK(after.why.low_predicted == 0);
}

TEST_CASE("a planner that knows none of the labels changes nothing", "[router]") {
  const Router router({});
  const Decision before = router.low(kUnsure);
  const std::vector<std::uint32_t> strangers{7};
  CHECK(router.high(before, std::vector<float>{1.0f}, strangers).probabilities == before.probabilities);
}

TEST_CASE("NaN probabilities are refused", "[router]") {
  const Router router({});
  CHECK_THROWS_AS(router.low(std::vector<float>{0.5f, std::numeric_limits<float>::quiet_NaN()}), Failure);
}

TEST_CASE("novelty grows from 0 at a typical distance towards 1 far away", "[router]") {
  const auto at = [](float distance) {
    return novelty(std::vector<Neighbour>{{0, 9.0f}, {1, distance}}, 1.0f);
  };
  CHECK(at(0.0f) == 0.0f);
  CHECK(at(1.0f) == 0.0f);
  CHECK(at(2.0f) == Approx(0.5f));
  CHECK(at(8.0f) == Approx(0.875f));
  CHECK(novelty({}, 1.0f) == 1.0f);
}

TEST_CASE("what the network cannot place is new, too, and what it never saw is none of its business",
          "[router]") {
  const std::vector<Neighbour> near{{0, 2.0f}};
  const EnergyScale scale{.mean = -5, .deviation = 1};
  CHECK(novelty(near, 1, -5.0f, scale) == novelty(near, 1));
  CHECK(novelty(near, 1, -3.0f, scale) > novelty(near, 1));
  CHECK(novelty(near, 1, -100.0f, scale) == novelty(near, 1));
  CHECK(novelty(near, 1, 1e6f, scale) == Approx(2.0 / 3));
  CHECK(novelty(near, 1, std::nullopt, scale) == novelty(near, 1));
  CHECK(novelty(near, 1, -3.0f, {}) == novelty(near, 1));
}

TEST_CASE("how complex an input is follows from the score and what it had to reach", "[router]") {
  CHECK(complexity_of(0.9f, 0.9f) == Complexity::low);
  CHECK(complexity_of(0.89f, 0.9f) == Complexity::medium);
  CHECK(complexity_of(0.45f, 0.9f) == Complexity::medium);
  CHECK(complexity_of(0.44f, 0.9f) == Complexity::high);
  CHECK(word(Complexity::medium) == "medium");
}
