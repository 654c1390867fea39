#include "daemon/metrics.h"

#include <catch2/catch.hpp>
#include <random>
#include <thread>

namespace dormouse::daemon {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::Contains;

TEST_CASE("quantiles are never low and at most an eighth too high", "[metrics]") {
  const auto seed = 20240607u;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  std::lognormal_distribution<double> micros(6, 2);
  Histogram histogram;
  std::vector<std::chrono::nanoseconds> durations;
  for (int i = 0; i < 5000; ++i) {
    durations.emplace_back(static_cast<std::int64_t>(1000 + micros(random) * 1000));
    histogram.observe(durations.back());
  }
  std::ranges::sort(durations);
  for (const double q : {0.01, 0.5, 0.95, 0.999, 1.0}) {
    INFO(q);
    const auto exact = durations[static_cast<std::size_t>(std::ceil(q * 5000)) - 1];
    CHECK(histogram.quantile(q) >= exact);
    CHECK(static_cast<double>(histogram.quantile(q).count()) <= 1.13 * static_cast<double>(exact.count()));
  }
  CHECK(histogram.count() == 5000);
}

TEST_CASE("durations outside the range are counted, not lost", "[metrics]") {
  Histogram histogram;
  CHECK(histogram.quantile(0.5) == 0ns);
  histogram.observe(-5ns);
  histogram.observe(0ns);
  histogram.observe(std::chrono::hours(3));
  CHECK(histogram.count() == 3);
  CHECK(histogram.quantile(0.5) <= 2us);
  CHECK(histogram.quantile(1.0) >= 60s);
}

TEST_CASE("a bucket counts what is at or under its bound", "[metrics]") {
  Histogram histogram;
  for (const auto duration : {1us, 16us, 17us, 64us, 65us}) histogram.observe(duration);
  CHECK(histogram.count_below(4) == 2);
  CHECK(histogram.count_below(6) == 4);
  CHECK(histogram.count_below(8) == 5);
}

TEST_CASE("the Prometheus text groups series under one header", "[metrics]") {
  Metrics metrics;
  Counter& low = metrics.counter("inferences_total", "Answers given.", {{"route", "low"}});
  metrics.gauge("temperature_celsius", "Of the board.").set(61.5);
  metrics.counter("inferences_total", "Answers given.", {{"route", "hi\"gh"}}).add(2);
  metrics.measured("episodes", "Remembered.", [] { return 7.0; });
  Histogram& seconds = metrics.histogram("inference_seconds", "Time to answer.", {{"state", "awake"}});
  low.add();
  seconds.observe(1ms);
  const std::string text = metrics.prometheus();
  CHECK_THAT(text, Contains("# HELP dormouse_inferences_total Answers given.\n"
                            "# TYPE dormouse_inferences_total counter\n"
                            "dormouse_inferences_total{route=\"low\"} 1\n"
                            "dormouse_inferences_total{route=\"hi\\\"gh\"} 2\n"
                            "# HELP dormouse_temperature_celsius"));
  CHECK_THAT(text, Contains("# TYPE dormouse_episodes gauge\ndormouse_episodes 7\n"));
  CHECK_THAT(text, Contains("dormouse_inference_seconds_bucket{state=\"awake\",le=\"0.000256\"} 0\n"));
  CHECK_THAT(text, Contains("dormouse_inference_seconds_bucket{state=\"awake\",le=\"0.001024\"} 1\n"));
  CHECK_THAT(text, Contains("dormouse_inference_seconds_bucket{state=\"awake\",le=\"+Inf\"} 1\n"));
  CHECK_THAT(text, Contains("dormouse_inference_seconds_sum{state=\"awake\"} 0.001\n"));
  CHECK_THAT(text, Contains("dormouse_inference_seconds_count{state=\"awake\"} 1\n"));
}

TEST_CASE("many threads lose no count", "[metrics]") {
  Counter counter;
  Histogram histogram;
  const auto work = [&] {
    for (int i = 0; i < 10'000; ++i) {
      counter.add();
      histogram.observe(std::chrono::microseconds(i));
    }
  };
  std::thread other(work);
  work();
  other.join();
  CHECK(counter.value() == 20'000);
  CHECK(histogram.count() == 20'000);
}

}  // namespace
}  // namespace dormouse::daemon
