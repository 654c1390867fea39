#include "learning/live_record.h"

#include <catch2/catch.hpp>

using namespace dormouse::learning;

TEST_CASE("within a class the test is Fisher's exact one", "[live]") {
  // C(10, 5) / C(20, 5): all five wrong answers fall on the later ten.
  CHECK(worse_p_value({{"a", {10, 0}}}, {{"a", {5, 5}}}) == Approx(252.0 / 15504));
  // Tea: three of four and one of four.
  CHECK(worse_p_value({{"a", {3, 1}}}, {{"a", {1, 3}}}) == Approx(17.0 / 70));
  CHECK(worse_p_value({{"a", {0, 5}}}, {{"a", {5, 0}}}) == Approx(1));
}

TEST_CASE("over classes the exact probabilities of the totals add up", "[live]") {
  // Two independent tables with one wrong answer each among 2: P(both later) = ¼.
  CHECK(worse_p_value({{"a", {1, 0}}, {"b", {1, 0}}}, {{"a", {0, 1}}, {"b", {0, 1}}}) == Approx(0.25));
}

TEST_CASE("another mix of classes proves nothing, nor does a class that only one version met", "[live]") {
  const LiveTallies before{{"easy", {90, 10}}, {"hard", {5, 5}}}, after{{"easy", {9, 1}}, {"hard", {20, 20}}};
  CHECK(worse_p_value(before, after) > 0.5);  // 14% wrong before, 42% after
  CHECK(worse_p_value({{"old", {50, 0}}}, {{"new", {0, 50}}}) == Approx(1));
  CHECK(compare({{"old", {50, 0}}}, {{"new", {0, 50}}}).after.all() == 0);
}

TEST_CASE("a corrected label is counted as corrected", "[live]") {
  LiveRecord record;
  record.add(1, "a", false);
  record.add(1, "a", true);
  record.take_back(1, "a", false);
  record.add(1, "b", true);
  CHECK(record.of(1) == LiveTallies{{"a", {1, 0}}, {"b", {1, 0}}});
  CHECK(record.of(2).empty());
}
