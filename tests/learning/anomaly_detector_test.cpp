#include "learning/anomaly_detector.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "config/error.h"
#include "learning/random.h"

namespace dormouse::learning {
namespace {

constexpr std::uint64_t kSeed = 21;
constexpr double kRate = 1e-3;
constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// A sanitizer takes twenty times as long for a sample: rates are measured without one.
#if defined(DORMOUSE_SANITIZED)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

AnomalyOptions small(std::int64_t channels = 1) {
  return {.channels = channels, .false_alarms = kRate, .hidden = 8, .oscillators = 8};
}

/// Two tones and some noise.
class Machine {
 public:
  explicit Machine(double noise = 0.1) : noise_(noise) {}
  float next(double speed = 1) {
    phase_ += speed;
    return static_cast<float>(std::sin(0.31 * phase_) + 0.5 * std::sin(0.83 * phase_ + 1) +
                              noise_ * random_.normal());
  }

 private:
  double noise_, phase_ = 0;
  Random random_{kSeed};
};

template <class Next>
int alarms_in(AnomalyDetector& detector, int samples, Next next) {
  int alarms = 0;
  for (int i = 0; i < samples; ++i) alarms += detector.observe(std::array<float, 1>{next()}).begins;
  return alarms;
}

struct Found {
  int after;
  AnomalyAspect aspect;
};
template <class Next>
std::optional<Found> first_alarm(AnomalyDetector& detector, int within, Next next) {
  for (int i = 0; i < within; ++i)
    if (const Anomaly anomaly = detector.observe(std::array<float, 1>{next()}); anomaly.begins)
      return Found{i, anomaly.aspect};
  return std::nullopt;
}

/// One that has known its machine for 10,000 samples, and is at peace with it.
struct Accustomed {
  Machine machine;
  AnomalyDetector detector{small()};
};

/// Getting accustomed takes a second, so it is done once for each noise.
Accustomed accustomed(double noise = 0.1) {
  struct Past {
    Machine machine;
    engine::NamedTensors state;
  };
  static std::map<double, Past> pasts;
  auto past = pasts.find(noise);
  if (past == pasts.end()) {
    Machine machine(noise);
    AnomalyDetector detector(small());
    alarms_in(detector, 10'000, [&] { return machine.next(); });
    while (detector.observe(std::array{machine.next()}).active) {
    }
    past = pasts.emplace(noise, Past{machine, detector.state()}).first;
  }
  Accustomed one{past->second.machine};
  one.detector.restore(past->second.state, "past");
  return one;
}

double apart(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(double{a[i]} - double{b[i]}, 2);
  return std::sqrt(sum);
}

}  // namespace

TEST_CASE("a spike is an alarm at once", "[anomaly]") {
  Accustomed one = accustomed();
  const Anomaly spike = one.detector.observe(std::array{6.0f});
  CHECK(spike.begins);
  CHECK(spike.p_value <= kRate);
  CHECK(spike.score > 2);
}

TEST_CASE("a spike within the range of values is an alarm: it was not foreseen", "[anomaly]") {
  Accustomed one = accustomed(0.02);
  float value = one.machine.next();
  while (value > -0.8f) {
    REQUIRE_FALSE(one.detector.observe(std::array{value}).begins);
    value = one.machine.next();
  }
  const Anomaly spike = one.detector.observe(std::array{value + 1.6f});
  CHECK(spike.begins);
  CHECK(spike.aspect == AnomalyAspect::surprise);
}

TEST_CASE("another frequency is an alarm though no value is new", "[anomaly]") {
  Accustomed one = accustomed();
  CHECK(first_alarm(one.detector, 100, [&] { return one.machine.next(1.5); }));
}

TEST_CASE("a line gone flat is an alarm at a value that is usual", "[anomaly]") {
  SECTION("of a machine") {
    Accustomed one = accustomed();
    CHECK(first_alarm(one.detector, 100, [] { return 0.3f; }));
  }
  SECTION("of noise, which nothing foretells") {
    Random random(kSeed);
    AnomalyDetector detector(small());
    alarms_in(detector, 10'000, [&] { return static_cast<float>(random.normal()); });
    const auto flat = first_alarm(detector, 300, [] { return 0.3f; });
    REQUIRE(flat);
    CHECK(flat->aspect == AnomalyAspect::activity);
  }
}

TEST_CASE("false alarms stay within the stated rate over 100,000 samples", "[anomaly]") {
  const int kind = GENERATE(0, 1, 2, 3);
  INFO("seed " << kSeed << ", stream " << kind);
  Random random(kSeed);
  Machine machine;
  double state = 0;
  int t = 0;
  const auto next = [&]() -> float {
    ++t;
    switch (kind) {
      case 0:
        return machine.next();
      case 1:
        return static_cast<float>(random.normal());
      case 2:
        return static_cast<float>(state = 0.95 * state + random.normal());  // red noise
      default:
        return static_cast<float>(random.normal() /
                                  std::sqrt(-std::log(1 - random.uniform())));  // heavy tails
    }
  };
  const int samples = kSanitized ? 4000 : kind == 0 ? 100'000 : 20'000;
  AnomalyDetector detector(small());
  const int alarms = alarms_in(detector, samples, next);
  CAPTURE(alarms);
  CHECK((alarms > 0 || samples < 100'000));
  CHECK(alarms <= kRate * samples);
  CHECK(detector.alarms() == static_cast<std::uint64_t>(alarms));
}

TEST_CASE("a constant stream never alarms, rounding errors included", "[anomaly]") {
  const float value = GENERATE(0.0f, 21.3f, -1e30f);
  AnomalyDetector detector(small());
  int i = 0;
  CHECK(alarms_in(detector, kSanitized ? 2000 : 8000,
                  [&] { return ++i % 7 == 3 ? std::nextafter(value, 2 * value) : value; }) == 0);
}

TEST_CASE("a constant that leaps is an alarm", "[anomaly]") {
  AnomalyDetector detector(small());
  CHECK(alarms_in(detector, 6000, [] { return 21.3f; }) == 0);
  CHECK(detector.observe(std::array{22.0f}).begins);
}

#if !defined(DORMOUSE_SANITIZED)
TEST_CASE("units do not matter, and a scale that changes for good is soon usual", "[anomaly]") {
  Accustomed one = accustomed();
  CHECK(alarms_in(one.detector, 12'000, [&] { return 1000 * one.machine.next(); }) >= 1);
  const int samples = 20'000;
  CHECK(alarms_in(one.detector, samples, [&] { return 1000 * one.machine.next(); }) <= kRate * samples);
}

TEST_CASE("drift is no alarm", "[anomaly]") {
  Accustomed one = accustomed();
  double level = 0;
  const int samples = 20'000;
  CHECK(alarms_in(one.detector, samples, [&] {
          level += 1e-3;
          return one.machine.next() + static_cast<float>(level);
        }) <= kRate * samples);
}
#endif

TEST_CASE("values that are missing are counted and survived", "[anomaly]") {
  AnomalyDetector detector(small(2));
  Machine machine;
  Random random(kSeed);
  std::uint64_t missing = 0;
  int alarms = 0;
  const int samples = kSanitized ? 3000 : 16'000;
  for (int i = 0; i < samples; ++i) {
    std::array<float, 2> sample{machine.next(),
                                static_cast<float>(std::sin(0.1 * i) + 0.01 * random.normal())};
    if (i % 50 == 7) sample[1] = kNone, ++missing;
    if (i % 400 < 20) sample[0] = i % 2 ? kInfinity : -kInfinity, ++missing;
    const Anomaly anomaly = detector.observe(sample);
    REQUIRE(std::isfinite(anomaly.score));
    if (i >= 8000) alarms += anomaly.begins;
  }
  CHECK(detector.missing() == missing);
  CHECK(alarms <= kRate * 8000);
  detector.observe(std::array{machine.next(), 40.0f});
  for (const float x : detector.signature()) CHECK(std::isfinite(x));
}

TEST_CASE("the largest floats are samples like others", "[anomaly]") {
  AnomalyDetector detector(small());
  const float most = std::numeric_limits<float>::max();
  for (int i = 0; i < 3000; ++i) {
    const Anomaly anomaly = detector.observe(std::array{i % 3 == 0 ? most : i % 3 == 1 ? -most : 1e-38f});
    REQUIRE(std::isfinite(anomaly.score));
  }
}

TEST_CASE("anomalies of a kind are more alike than others", "[anomaly]") {
  Accustomed one = accustomed();
  const auto spike = [&](float by) {
    one.detector.observe(std::array{one.machine.next() + by});
    const auto signature = one.detector.signature();
    alarms_in(one.detector, 500, [&] { return one.machine.next(); });
    return signature;
  };
  const auto first = spike(6), second = spike(7);
  for (int i = 0; i < 60; ++i) one.detector.observe(std::array{0.3f});
  const auto flat = one.detector.signature();
  CHECK(apart(first, second) < 0.5 * apart(first, flat));
  CHECK(apart(first, second) < 0.5 * apart(second, flat));
}

TEST_CASE("a detector goes on bit for bit where it was saved", "[anomaly]") {
  const int length = GENERATE(0, 1, kSanitized ? 500 : 5000);
  Machine machine;
  AnomalyDetector detector(small()), other(small());
  alarms_in(detector, length, [&] { return machine.next(); });
  other.restore(detector.state(), "state");
  for (int i = 0; i < (kSanitized ? 300 : 3000); ++i) {
    const std::array sample{i == 200 ? 9.0f : i == 100 ? kNone : machine.next()};
    const Anomaly a = detector.observe(sample), b = other.observe(sample);
    REQUIRE(a.score == b.score);
    REQUIRE(a.p_value == b.p_value);
    REQUIRE(a.begins == b.begins);
  }
  CHECK(detector.signature() == other.signature());
  CHECK(detector.state().metadata == other.state().metadata);  // the checksum, too
}

TEST_CASE("a damaged state, or one of other options, is refused and changes nothing", "[anomaly]") {
  AnomalyDetector detector(small());
  Machine machine;
  alarms_in(detector, 500, [&] { return machine.next(); });
  const engine::NamedTensors good = detector.state();
  engine::NamedTensors bad = good;
  bad.tensors["counts"] = engine::Tensor::from<std::int64_t>({2}, {7, 0});
  CHECK_THROWS_WITH(detector.restore(bad, "file"), Catch::Contains("checksum"));
  CHECK(detector.state().metadata == good.metadata);
  AnomalyOptions wider = small();
  wider.oscillators = 9;
  AnomalyDetector other(wider);
  CHECK_THROWS_WITH(other.restore(good, "file"), Catch::Contains("other options"));
}

TEST_CASE("options that make no sense are refused by name", "[anomaly]") {
  CHECK_THROWS_WITH(AnomalyDetector({.channels = 0}), Catch::Contains("channels"));
  CHECK_THROWS_WITH(AnomalyDetector({.false_alarms = 0}), Catch::Contains("false_alarms"));
  CHECK_THROWS_WITH(AnomalyDetector({.hidden = 0}), Catch::Contains("hidden"));
  CHECK_THROWS_WITH(AnomalyDetector({.rate = 0}), Catch::Contains("rate"));
}

}  // namespace dormouse::learning
