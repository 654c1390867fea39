#include "memory/stream_novelty.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <random>

#include "config/error.h"

namespace dormouse::memory {
namespace {

constexpr std::uint32_t kSeed = 7;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// A sine wave with a little noise, sample by sample; the noise is mt19937's, the same everywhere.
class Wave {
 public:
  explicit Wave(double noise = 0.05) : noise_(noise) {}
  float next(double period) {
    phase_ += 2 * std::numbers::pi / period;
    return static_cast<float>(std::sin(phase_) + noise_ * (double(random_()) / double(random_.max()) - 0.5));
  }

 private:
  double noise_;
  double phase_ = 0;
  std::mt19937 random_{kSeed};
};

/// How many of the next `count` samples of a usual wave raise an alarm.
int alarms_in(StreamNovelty& stream, Wave& wave, int count, double period = 50) {
  int alarms = 0;
  for (int i = 0; i < count; ++i) alarms += stream.observe(wave.next(period)).alarm;
  return alarms;
}

/// The first alarm among the next samples, and how many samples it took.
struct Alarm {
  int after;
  NoveltyAspect aspect;
};
template <class Next>
std::optional<Alarm> first_alarm(StreamNovelty& stream, int within, Next next) {
  for (int i = 0; i < within; ++i)
    if (const Novelty novelty = stream.observe(next()); novelty.alarm) return Alarm{i, novelty.aspect};
  return std::nullopt;
}

}  // namespace

TEST_CASE("a spike is an alarm, once", "[novelty]") {
  StreamNovelty stream;
  Wave wave;
  alarms_in(stream, wave, 1500);
  const Novelty spike = stream.observe(4);
  CHECK(spike.alarm);
  CHECK(spike.strength > 1);
  CHECK(spike.p_value < 0.001);
  CHECK(spike.aspect == NoveltyAspect::value);
  CHECK(alarms_in(stream, wave, 50) == 0);
  CHECK_FALSE(stream.observe(4).alarm);  // seen before
  CHECK(alarms_in(stream, wave, 100) == 0);
}

TEST_CASE("while it is quiet only something newer still is news", "[novelty]") {
  StreamNovelty stream;
  Wave wave;
  alarms_in(stream, wave, 1500);
  CHECK(stream.observe(4).alarm);
  const Novelty less = stream.observe(3);
  CHECK(less.strength > 0.1);
  CHECK_FALSE(less.news);
  CHECK_FALSE(less.alarm);
  CHECK(stream.observe(20).alarm);
}

TEST_CASE("a level shift is an alarm at once, then the new level is known", "[novelty]") {
  StreamNovelty stream;
  Wave wave;
  alarms_in(stream, wave, 1500);
  const auto shift = first_alarm(stream, 20, [&] { return wave.next(50) + 3; });
  REQUIRE(shift);
  CHECK(shift->after == 0);
  int alarms = 0;
  for (int i = 0; i < 2000; ++i) alarms += stream.observe(wave.next(50) + 3).alarm;
  CHECK(alarms <= 2);
}

TEST_CASE("a change of period is noticed though no value is new", "[novelty]") {
  StreamNovelty stream;
  Wave wave(0);
  alarms_in(stream, wave, 3000);
  const auto change = first_alarm(stream, 256, [&] { return wave.next(10); });
  REQUIRE(change);
  CHECK(change->aspect == NoveltyAspect::activity);
}

TEST_CASE("a line gone flat is noticed at a value that is known", "[novelty]") {
  StreamNovelty stream;
  Wave wave;
  alarms_in(stream, wave, 3000);
  const float last = wave.next(50);
  const auto flat = first_alarm(stream, 256, [&] { return last; });
  REQUIRE(flat);
  CHECK(flat->aspect == NoveltyAspect::activity);
}

TEST_CASE("a constant stream never alarms, rounding errors included", "[novelty]") {
  const float value = GENERATE(0.0f, 21.3f, -1e30f);
  StreamNovelty stream;
  for (int i = 0; i < 10'000; ++i) {
    const float sample = i % 7 == 3 ? std::nextafter(value, 2 * value) : value;
    REQUIRE_FALSE(stream.observe(sample).alarm);
  }
}

TEST_CASE("noise alarms no more often than it was asked to", "[novelty]") {
  const double share = GENERATE(0.01, 0.002);
  INFO("seed " << kSeed << ", share " << share);
  StreamNovelty stream({.false_alarms = share});
  std::mt19937 random(kSeed);
  constexpr int kSamples = 20'000;
  int alarms = 0;
  for (int i = 0; i < kSamples; ++i) {
    double sum = 0;  // nearly normal
    for (int term = 0; term < 12; ++term) sum += double(random()) / double(random.max()) - 0.5;
    alarms += stream.observe(static_cast<float>(sum)).alarm;
  }
  CHECK(alarms > 0);
  CHECK(alarms < share * kSamples);
}

TEST_CASE("novelty knows no unit", "[novelty]") {
  StreamNovelty one, other;
  Wave wave, same;
  for (int i = 0; i < 2000; ++i)
    REQUIRE(one.observe(wave.next(i < 1500 ? 50 : 20)) ==
            other.observe(1024 * same.next(i < 1500 ? 50 : 20)));
}

TEST_CASE("a sample that is not finite is refused and leaves no trace", "[novelty]") {
  StreamNovelty stream, untouched;
  Wave wave, same;
  for (int i = 0; i < 1000; ++i) {
    if (i % 100 == 50)
      for (const float bad : {std::nanf(""), kInfinity, -kInfinity})
        CHECK_THROWS_AS(stream.observe(bad), Failure);
    REQUIRE(stream.observe(wave.next(50)) == untouched.observe(same.next(50)));
  }
}

TEST_CASE("the largest floats are samples like others", "[novelty]") {
  StreamNovelty stream;
  const float most = std::numeric_limits<float>::max();
  for (int i = 0; i < 1000; ++i) REQUIRE(std::isfinite(stream.observe(i % 2 == 0 ? most : -most).strength));
  for (const float activity : stream.state().activities) REQUIRE(std::isfinite(activity));
}

TEST_CASE("a stream's memory is bounded, and goes on where it was saved", "[novelty]") {
  const int length = GENERATE(0, 10, 256, 300, 1100, 5000);
  CAPTURE(length);
  const NoveltyOptions options{.memory = 1000};
  StreamNovelty stream(options), restored(options);
  Wave wave;
  alarms_in(stream, wave, length);
  const NoveltyState state = stream.state();
  CHECK(state.values.size() <= options.memory);
  CHECK(state.activities.size() <= options.memory);
  CHECK(state.strengths.size() <= options.memory);

  restored.restore(state);
  for (int i = 0; i < 1500; ++i) {
    const float sample = i == 700 ? 9 : wave.next(i < 1000 ? 50 : 30);
    REQUIRE(stream.observe(sample) == restored.observe(sample));
  }
}

TEST_CASE("a state of other options, or a damaged one, is refused and changes nothing", "[novelty]") {
  StreamNovelty stream;
  Wave wave;
  alarms_in(stream, wave, 600);
  const NoveltyState good = stream.state();
  const auto refuses = [&](auto damage) {
    NoveltyState state = good;
    damage(state);
    CHECK_THROWS_AS(stream.restore(state), Failure);
  };
  refuses([](NoveltyState& state) { state.values[5] = std::nanf(""); });
  refuses([](NoveltyState& state) { state.strengths[5] = kInfinity; });
  refuses([](NoveltyState& state) { state.strengths.pop_back(); });
  refuses([](NoveltyState& state) { state.activities.pop_back(); });
  refuses([](NoveltyState& state) { state.values.resize(5000), state.strengths.resize(5000); });
  CHECK(stream.state().values == good.values);
  CHECK_THROWS_AS(StreamNovelty({.activity_window = 100}).restore(good), Failure);
}

TEST_CASE("options that make no sense are refused by name", "[novelty]") {
  CHECK_THROWS_WITH(StreamNovelty({.memory = 200}), Catch::Contains("activity_window"));
  CHECK_THROWS_WITH(StreamNovelty({.activity_window = 0}), Catch::Contains("activity_window"));
  CHECK_THROWS_WITH(StreamNovelty({.activity_weight = -1}), Catch::Contains("activity_weight"));
  CHECK_THROWS_WITH(StreamNovelty({.activity_weight = 2}), Catch::Contains("activity_weight"));
  CHECK_THROWS_WITH(StreamNovelty({.warm_up = 0}), Catch::Contains("warm_up"));
  CHECK_THROWS_WITH(StreamNovelty({.quiet = 5000}), Catch::Contains("quiet"));
  CHECK_THROWS_WITH(StreamNovelty({.resolution = std::nan("")}), Catch::Contains("resolution"));
  CHECK_THROWS_WITH(StreamNovelty({.false_alarms = 0}), Catch::Contains("false_alarms"));
}

}  // namespace dormouse::memory
