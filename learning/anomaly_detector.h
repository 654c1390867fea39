#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "engine/formats/safetensors.h"
#include "learning/stream_predictor.h"
#include "learning/tail_alarm.h"

namespace dormouse::learning {

/// In what a sample is unusual.
enum class AnomalyAspect : std::uint8_t {
  surprise,  ///< its value was not foreseen: spikes, jumps
  course,    ///< for some time now less is foreseen than usual: another frequency, another noise
  activity,  ///< the stream moves far more or far less than it does: bursts, a line gone flat
  level,     ///< a value far from all that was there
};
inline constexpr std::size_t kAnomalyAspects = 4;
std::string_view word(AnomalyAspect aspect);

struct AnomalyOptions {
  static constexpr std::int64_t kMostChannels = 256, kWidest = 1024;
  static constexpr double kLeastRate = 1e-7, kMostRate = 0.1;

  std::int64_t channels = 1;
  double false_alarms = 1e-4;  ///< a sample, in a stream that stays as it is; see TailAlarm
  std::int64_t hidden = 16;    ///< of the predicting network
  std::int64_t oscillators = 16;
  double rate = 1e-3;  ///< of learning
  std::uint64_t seed = 1;
};
/// Throws Failure(invalid) naming what is out of range.
void check(const AnomalyOptions& options);

/// How unusual one sample is.
struct Anomaly {
  double score = 0;  ///< the score that is highest for its aspect, as a multiple of what would be an alarm
  /// How strange the sample is, however often that happens: for thresholds of one's own. Zero is usual; the
  /// distance to all values that are remembered, in twentieths of their range, counts by its logarithm, and
  /// what was not foreseen, in fives of what usually is not, by three tenths of that.
  double strength = 0;
  double p_value = 1;  ///< how often a sample is as unusual, at most, in a stream that stays as it is
  AnomalyAspect aspect = AnomalyAspect::surprise;  ///< the most unusual one
  std::size_t channel = 0;                         ///< where it is
  bool begins = false;                             ///< of an alarm: an event
  bool active = false;                             ///< an alarm goes on
};

/// Finds what is unusual in a stream of numbers of which nobody said what is usual: no labels, no model, no
/// units. It foretells every next sample, learns to from the stream itself (StreamPredictor), and compares
/// four things with what they used to be: how far the prediction was off, for one sample and on average over
/// some, how much the stream moves, and how far its value lies from all those before.
///
/// Each has a quarter of `false_alarms` as its TailAlarm's rate. An event is where one of the four begins,
/// while there is no alarm yet or plainly stronger than one has to be, so the whole keeps the rate that is
/// stated, under the assumption that is stated there. Memory and work for a sample are bounded.
/// Deterministic. Not thread-safe.
class AnomalyDetector {
 public:
  /// `drivers` are borrowed for the detector's life. Throws Failure(invalid) naming what is out of range.
  explicit AnomalyDetector(const AnomalyOptions& options,
                           std::span<const engine::Driver* const> drivers = {});

  /// Judges the next sample [channels] by those before it, then learns from it. Values that are not finite
  /// are missing and counted.
  Anomaly observe(std::span<const float> sample);

  /// What the last samples were like, to be compared by Euclidean distance: five numbers a channel, no units.
  std::vector<float> signature() const;

  const AnomalyOptions& options() const { return options_; }
  std::uint64_t samples() const { return predictor_.samples(); }
  std::uint64_t missing() const { return predictor_.missing(); }
  std::uint64_t restarts() const { return predictor_.restarts(); }
  std::uint64_t alarms() const { return alarms_; }
  /// Samples before which there can be no alarm.
  std::uint64_t warm_up() const;

  /// Everything it knows, exactly, with version and checksum.
  engine::NamedTensors state() const;
  /// Goes on from there, bit for bit. Throws Failure(corrupt) naming `file` for what is damaged, and
  /// Failure(conflict) for a state of other options; it stays as it was then.
  void restore(const engine::NamedTensors& state, const std::string& file);

 private:
  /// Running means of one channel.
  struct Channel {
    double surprise = 0;  ///< mean size of residuals
    double drift = 0;     ///< mean residual
    double movement = 0;  ///< mean size of steps, of late
    double usual = 0;     ///< the same, over long
    double count = 0;
    double residual = 0;  ///< the last one
    double level = 0;     ///< the last one
  };
  struct Score {
    float value = 0;
    std::size_t channel = 0;
  };
  std::array<Score, kAnomalyAspects> scores(std::span<const Surprise> surprises,
                                            std::span<const float> sample);

  AnomalyOptions options_;
  StreamPredictor predictor_;
  std::vector<Channel> channels_;
  std::vector<memory::NumberMemory> values_;  ///< a channel each
  std::vector<TailAlarm> tails_;              ///< an aspect each
  bool active_ = false;
  std::uint64_t alarms_ = 0;
};

}  // namespace dormouse::learning
