#include "learning/anomaly_detector.h"

#include <algorithm>
#include <cmath>

namespace dormouse::learning {
namespace {

// In samples: what means of late and usual means look back on.
constexpr double kCourse = 32, kMovement = 64, kUsual = 1000;
constexpr std::size_t kValues = 4096;    // remembered of each channel
constexpr std::size_t kQuiet = 64;       // usual samples that end an alarm
constexpr std::size_t kSettling = 256;   // first samples, of which nothing is said
constexpr double kPlain = 2;             // score of an alarm that another one does not hide
constexpr double kMostInMean = 8;        // what a residual counts as at most in a mean
constexpr double kLeastMovement = 0.05;  // usual steps: less than that is none
constexpr double kLeastRange = 1e-3;  // of a channel's largest magnitude: what its range counts as at least

struct Aspect {
  std::string_view word;
  std::size_t block;  ///< samples: longer than what one sample has in common with the next
  double least;       ///< a lower score is nothing, however rare
};
constexpr std::array<Aspect, kAnomalyAspects> kAspects{
    {{"surprise", 1, 3}, {"course", 32, 1}, {"activity", 64, 0.2}, {"level", 1, 0.01}}};

AnomalyOptions checked(const AnomalyOptions& options) {
  check(options);
  return options;
}

std::vector<TailAlarm> tails_of(const AnomalyOptions& options) {
  std::vector<TailAlarm> tails;
  for (const Aspect& aspect : kAspects)
    tails.emplace_back(TailAlarm::Options{.rate = options.false_alarms / kAnomalyAspects,
                                          .least = aspect.least,
                                          .block = aspect.block,
                                          .quiet = kQuiet});
  return tails;
}

void move(double& mean, double value, double horizon, double count) {
  mean += (value - mean) / std::min(count, horizon);
}

/// Small numbers as they are, large ones by their order of magnitude.
float compressed(double value) {
  return static_cast<float>(std::copysign(std::log1p(std::abs(value)), value));
}

double movement_ratio(double movement, double usual) {
  return std::log((movement + kLeastMovement) / (usual + kLeastMovement));
}

}  // namespace

void check(const AnomalyOptions& options) {
  const auto require = [](bool condition, const char* what) {
    if (!condition) throw Failure(Errc::invalid, std::string("anomaly: ") + what);
  };
  const auto width = [](std::int64_t value) { return value >= 1 && value <= AnomalyOptions::kWidest; };
  require(options.channels >= 1 && options.channels <= AnomalyOptions::kMostChannels, "channels is 1 to 256");
  require(
      options.false_alarms >= AnomalyOptions::kLeastRate && options.false_alarms <= AnomalyOptions::kMostRate,
      "false_alarms is 1e-7 to 0.1");
  require(width(options.hidden), "hidden is 1 to 1024");
  require(width(options.oscillators), "oscillators is 1 to 1024");
  require(options.rate > 0 && options.rate <= 1, "rate is above 0 and at most 1");
}

std::string_view word(AnomalyAspect aspect) { return kAspects[static_cast<std::size_t>(aspect)].word; }

AnomalyDetector::AnomalyDetector(const AnomalyOptions& options,
                                 std::span<const engine::Driver* const> drivers)
    : options_(checked(options)),
      predictor_(
          {options.channels, options.hidden, options.oscillators, options.rate, options.seed, drivers}),
      channels_(static_cast<std::size_t>(options.channels)),
      values_(channels_.size(), memory::NumberMemory(kValues)),
      tails_(tails_of(options)) {}

std::uint64_t AnomalyDetector::warm_up() const {
  return static_cast<std::uint64_t>(std::ceil(kAnomalyAspects / options_.false_alarms));
}

std::array<AnomalyDetector::Score, kAnomalyAspects> AnomalyDetector::scores(
    std::span<const Surprise> surprises, std::span<const float> sample) {
  std::array<Score, kAnomalyAspects> highest{};
  for (std::size_t c = 0; c < channels_.size(); ++c) {
    if (!std::isfinite(sample[c])) continue;
    const double novelty =
        values_[c].novelty(sample[c], std::max(kLeastRange * values_[c].magnitude(), 1e-30));
    values_[c].remember(sample[c]);
    const Surprise& surprise = surprises[c];
    Channel& channel = channels_[c];
    if (!surprise.known) continue;
    channel.count = std::min(channel.count + 1, kUsual);
    channel.residual = surprise.residual;
    channel.level = surprise.level;
    const double size = std::min<double>(std::abs(surprise.residual), kMostInMean);
    move(channel.surprise, size, kCourse, channel.count);
    move(channel.drift, std::copysign(size, surprise.residual), kCourse, channel.count);
    const double step = std::min<double>(std::abs(surprise.step), kMostInMean);
    move(channel.movement, step, kMovement, channel.count);
    move(channel.usual, step, kUsual, channel.count);
    const std::array values{std::abs(channel.residual), channel.surprise,
                            std::abs(movement_ratio(channel.movement, channel.usual)), novelty};
    for (std::size_t i = 0; i < kAnomalyAspects; ++i)
      if (const auto value = static_cast<float>(values[i]); value > highest[i].value) highest[i] = {value, c};
  }
  return highest;
}

Anomaly AnomalyDetector::observe(std::span<const float> sample) {
  const auto highest = scores(predictor_.observe(sample), sample);
  Anomaly anomaly;
  if (samples() <= kSettling) return anomaly;
  const auto value = [&](AnomalyAspect aspect) { return highest[static_cast<std::size_t>(aspect)].value; };
  anomaly.strength =
      std::log1p(20 * value(AnomalyAspect::level)) + 0.3 * std::log1p(value(AnomalyAspect::surprise) / 5);
  bool begins = false;
  for (std::size_t i = 0; i < kAnomalyAspects; ++i) {
    const TailAlarm::Verdict verdict = tails_[i].observe(highest[i].value);
    begins |= verdict.begins;
    anomaly.active |= verdict.active;
    anomaly.p_value = std::min(anomaly.p_value, kAnomalyAspects * verdict.p_value);
    if (verdict.severity <= anomaly.score) continue;
    anomaly.score = verdict.severity;
    anomaly.aspect = static_cast<AnomalyAspect>(i);
    anomaly.channel = highest[i].channel;
  }
  // What is plainly more than the alarm that goes on is news.
  anomaly.begins = begins && (!active_ || anomaly.score >= kPlain);
  active_ = anomaly.active;
  alarms_ += anomaly.begins ? 1 : 0;
  return anomaly;
}

std::vector<float> AnomalyDetector::signature() const {
  std::vector<float> signature;
  for (const Channel& channel : channels_)
    for (const double value : {channel.residual, channel.surprise, channel.drift, channel.level})
      signature.push_back(compressed(value));
  for (const Channel& channel : channels_)
    signature.push_back(static_cast<float>(movement_ratio(channel.movement, channel.usual)));
  return signature;
}

}  // namespace dormouse::learning
