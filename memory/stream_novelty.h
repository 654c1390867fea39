#pragma once

#include <cstdint>
#include <vector>

#include "memory/number_memory.h"

namespace dormouse::memory {

struct NoveltyOptions {
  std::size_t memory = 4096;          ///< samples that are remembered
  std::size_t activity_window = 256;  ///< steps whose mean size is the stream's activity; fewer than `memory`
  double activity_weight = 0.2;       ///< of what is new in the activity, against what is new in the value
  std::size_t warm_up = 32;           ///< samples before which nothing is new
  std::size_t quiet = 100;            ///< samples for which only something newer still is news
  double resolution = 0.01;           ///< news below this strength are no alarm
  double false_alarms = 0.01;         ///< share of samples that may be as novel as an alarm
};

enum class NoveltyAspect : std::uint8_t { value, activity };

/// How new one sample is.
struct Novelty {
  /// 0: all of it was there before; 1: as far from everything remembered as that spreads. Up to kMostNovel.
  double strength = 0;
  NoveltyAspect aspect = NoveltyAspect::value;  ///< what is newest
  double p_value = 1;  ///< share of the remembered samples that were as novel when they came
  bool news = false;   ///< newer than the `quiet` samples before it
  bool alarm = false;  ///< news of some strength whose p-value is at most `false_alarms`

  bool operator==(const Novelty&) const = default;
};

/// Everything a StreamNovelty knows, oldest first.
struct NoveltyState {
  std::vector<float> values;
  std::vector<float> activities;
  std::vector<float> strengths;
};

/// Notices in a stream of numbers what was not there before: it remembers the last values and how lively the
/// stream was, and asks of each sample how far it lies from everything remembered. No labels, no training, no
/// clock, no scale to set. An inductive conformal anomaly detector (Laxhammar and Falkman 2015) with the
/// distance to the nearest neighbour as its measure of strangeness; the p-value says how unusual such a
/// distance is in this stream.
///
/// Deterministic. About 100 KiB and 2 µs a sample with the defaults, whatever the length of the stream. Not
/// thread-safe. What it scores on the Numenta Anomaly Benchmark: tests/bench/RESULTS.md.
class StreamNovelty {
 public:
  /// Throws Failure(invalid) naming the option that is out of range.
  explicit StreamNovelty(NoveltyOptions options = {});

  /// Judges the next sample by those before it, then remembers it. A value that is not finite is
  /// Failure(invalid) and leaves no trace.
  Novelty observe(float value);

  const NoveltyOptions& options() const { return options_; }
  NoveltyState state() const;
  /// Goes on as the one whose state it was, if that had the same options. Throws Failure(corrupt) for a state
  /// that cannot be one of these options, and stays as it is then.
  void restore(const NoveltyState& state);

 private:
  float activity() const;
  double recent_strength() const;

  NoveltyOptions options_;
  NumberMemory values_;
  NumberMemory activities_;
  NumberMemory strengths_;
};

}  // namespace dormouse::memory
