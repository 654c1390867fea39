#include "learning/tail_alarm.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "config/error.h"
#include "learning/random.h"

namespace dormouse::learning {
namespace {

constexpr std::uint64_t kSeed = 11;

int alarms_in(TailAlarm& tail, Random& random, int samples, double scale = 1) {
  int alarms = 0;
  for (int i = 0; i < samples; ++i)
    alarms += tail.observe(static_cast<float>(scale * std::abs(random.normal()))).begins;
  return alarms;
}

}  // namespace

TEST_CASE("alarms are no more frequent than was asked for, whatever the rate", "[anomaly]") {
  const double rate = GENERATE(1e-2, 1e-3, 1e-4);
  INFO("seed " << kSeed << ", rate " << rate);
  constexpr int kSamples = 300'000;
  Random random(kSeed);
  TailAlarm tail({.rate = rate});
  const int alarms = alarms_in(tail, random, kSamples);
  CHECK(alarms > 0);
  CHECK(alarms <= rate * kSamples);
}

TEST_CASE("nothing is so rare before so much was seen", "[anomaly]") {
  TailAlarm tail({.rate = 1e-3});
  Random random(kSeed);
  CHECK(alarms_in(tail, random, 999) == 0);
  const TailAlarm::Verdict verdict = tail.observe(100);
  CHECK(verdict.begins);
  CHECK(verdict.p_value <= 1e-3);
  CHECK(verdict.severity > 10);
}

TEST_CASE("what goes on is one alarm, until it was quiet for a while", "[anomaly]") {
  TailAlarm tail({.rate = 1e-3, .quiet = 50});
  Random random(kSeed);
  alarms_in(tail, random, 5000);
  int begun = 0;
  for (int i = 0; i <= 40; ++i) begun += tail.observe(i % 10 == 0 ? 20.0f : 0.5f).begins;
  CHECK(begun == 1);
  for (int i = 0; i < 49; ++i) CHECK(tail.observe(0.5f).active);
  tail.observe(0.5f);
  CHECK_FALSE(tail.observe(0.5f).active);
  CHECK(tail.observe(20).begins);
}

TEST_CASE("a stream that changed for good is soon usual again", "[anomaly]") {
  TailAlarm tail({.rate = 1e-3});
  Random random(kSeed);
  alarms_in(tail, random, 5000);
  const int at_first = alarms_in(tail, random, 10'000, 10);
  CHECK(at_first >= 1);
  CHECK(at_first <= 20);  // of 10, and what it takes to get used to it
  CHECK(alarms_in(tail, random, 50'000, 10) <= 50);
}

TEST_CASE("a tail goes on bit for bit where it was saved", "[anomaly]") {
  const int length = GENERATE(0, 3, 700, 20'000);
  const TailAlarm::Options options{.rate = 1e-3, .block = 16};
  TailAlarm tail(options), other(options);
  Random random(kSeed);
  alarms_in(tail, random, length);
  tail.observe(50);
  other.restore(tail.state());
  for (int i = 0; i < 3000; ++i) {
    const float score = i % 500 == 0 ? 9.0f : static_cast<float>(random.uniform());
    const TailAlarm::Verdict a = tail.observe(score), b = other.observe(score);
    REQUIRE(a.p_value == b.p_value);
    REQUIRE(a.severity == b.severity);
    REQUIRE(a.begins == b.begins);
    REQUIRE(a.active == b.active);
  }
  CHECK(tail.state() == other.state());
}

TEST_CASE("states and options that cannot be are refused", "[anomaly]") {
  TailAlarm tail({.rate = 1e-3});
  std::vector<double> state = tail.state();
  CHECK_THROWS_AS(tail.restore(std::vector<double>{1, 2}), Failure);
  state.push_back(std::nan(""));
  CHECK_THROWS_AS(tail.restore(state), Failure);
  state.back() = -1;
  CHECK_THROWS_AS(tail.restore(state), Failure);
  state.assign(10'000, 0.0);
  CHECK_THROWS_AS(tail.restore(state), Failure);
  CHECK_THROWS_AS(TailAlarm({.rate = 0}), Failure);
  CHECK_THROWS_AS(TailAlarm({.rate = 0.5}), Failure);
  CHECK_THROWS_AS(TailAlarm({.block = 0}), Failure);
}

}  // namespace dormouse::learning
