#include "learning/guard.h"

using namespace dormouse::learning;

namespace {

/// Answers for one class of `n` examples: the first `lost` fall, the next `gained` are won, `kept` more stay
/// right.
struct Case {
  const char* what;
  std::size_t n, kept, lost, gained;
  bool accepted;
};

Verdict check(const Case& c, bool other_class_improves) {
  std::vector<ClassIndex> truth, before, after;
  const auto add = [&](std::size_t times, ClassIndex t, ClassIndex b, ClassIndex a) {
    for (std::size_t i = 0; i < times; ++i) truth.push_back(t), before.push_back(b), after.push_back(a);
  };
  add(c.kept, 0, 0, 0);
  add(c.lost, 0, 0, 1);
  add(c.gained, 0, 1, 0);
  add(c.n - c.kept - c.lost - c.gained, 0, 1, 1);
  if (other_class_improves) add(20, 1, 0, 1);
  return dream_check(truth, before, before, after, {"old", "new"}, {.max_regression = 0.01});
}

}  // namespace

TEST_CASE("the paired test is exact", "[guard]") {
  CHECK(paired_p_value(0, 0) == Approx(1));
  CHECK(paired_p_value(5, 0) == Approx(1.0 / 32));
  CHECK(paired_p_value(4, 0) == Approx(1.0 / 16));
  CHECK(paired_p_value(8, 1) == Approx(10.0 / 512));
  CHECK(paired_p_value(1, 1) == Approx(0.75));
}

TEST_CASE("the dream check rejects falls that are large and proven, and nights without gain", "[guard]") {
  const std::vector<Case> table{
      {"nothing falls", 20, 18, 0, 0, true},
      {"four of twenty lost prove nothing", 20, 14, 4, 0, true},
      {"five of twenty lost are proof", 20, 14, 5, 0, false},
      {"losses balanced by gains", 40, 20, 6, 5, true},
      {"significant but within tolerance", 1000, 990, 6, 0, true},
      {"significant and beyond tolerance", 1000, 950, 20, 2, false},
  };
  for (const Case& c : table) {
    INFO(c.what);
    const Verdict verdict = check(c, true);
    CHECK(verdict.accepted == c.accepted);
    CHECK_FALSE(verdict.reason.empty());
    CHECK(verdict.classes[0].fell == !c.accepted);
  }
}

TEST_CASE("a candidate that makes nothing better is rejected", "[guard]") {
  const Verdict verdict = check({"same answers", 20, 18, 0, 0, false}, false);
  CHECK_FALSE(verdict.accepted);
  CHECK(verdict.reason == "no class gets better");
}

TEST_CASE("without held-out examples no candidate is accepted", "[guard]") {
  CHECK_FALSE(dream_check({}, {}, {}, {}, {"a"}, {}).accepted);
}

TEST_CASE("a candidate has to hold what both slow weights and the waking answer know", "[guard]") {
  const std::vector<std::string> labels{"old", "new"};
  std::vector<ClassIndex> truth(10, 0), slow(10, 0), awake(10, 0), candidate(10, 1);
  const auto add_new_class = [&] {
    truth.insert(truth.end(), 10, 1), slow.insert(slow.end(), 10, 0);
    awake.insert(awake.end(), 10, 1), candidate.insert(candidate.end(), 10, 1);
  };
  add_new_class();
  CHECK(dream_check(truth, slow, awake, candidate, labels, {}).classes[0].fell);
  // The fast weights had given these up already when the class was taught.
  std::fill_n(awake.begin(), 10, 1);
  CHECK(dream_check(truth, slow, awake, candidate, labels, {}).accepted);
}
