#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "memory/number_memory.h"

namespace dormouse::learning {

/// Says which scores of an endless stream are too high to be usual, and keeps to a stated rate of false
/// alarms.
///
/// It remembers the highest score of each of the last blocks of consecutive samples. A score that so few of
/// them reach that its conformal p-value (Vovk and others 2005; inductive anomaly detection by it: Laxhammar
/// and Falkman 2015) is at most `rate` · block is rare. Rare scores with fewer than `quiet` others between
/// them are one alarm, which counts as one block from then on: what happens once shall not hide what happens
/// next. An alarm that lasts `longest` samples is a new state of the stream, and all of it is remembered.
///
/// What is promised: where blocks are exchangeable (the stream is as it was, and a block is longer than what
/// neighbours have in common), the expected number of alarms is at most `rate` for each sample. No shape of
/// the scores' distribution is assumed. Hence no alarm before 1/rate samples have passed: so many are needed
/// to know what is that rare.
///
/// Deterministic; memory is bounded by 1/rate samples and kMostBlocks. Not thread-safe.
class TailAlarm {
 public:
  static constexpr double kRareKept = 4;            ///< rare blocks among those that are remembered
  static constexpr std::size_t kMostBlocks = 4096;  ///< that are remembered

  struct Options {
    double rate = 1e-3;          ///< alarms a sample, in a stream that does not change
    double least = 0;            ///< a lower score is nothing, however rare
    std::size_t block = 1;       ///< samples that a block has at least
    std::size_t quiet = 64;      ///< usual samples that end an alarm; at least a block counts
    std::size_t longest = 1024;  ///< samples after which it is a new state
  };
  /// Throws Failure(invalid) for a rate outside (0, 1/4], or a number that is 0.
  explicit TailAlarm(const Options& options);

  struct Verdict {
    double p_value = 1;   ///< of this score, a sample's
    double severity = 0;  ///< the score as a multiple of the least one that would be rare
    bool begins = false;  ///< of an alarm
    bool active = false;  ///< an alarm goes on, or begins
  };
  /// Judges the next sample's score by those before it, then remembers it. Finite and at least 0 (ensure()d).
  Verdict observe(float score);

  std::size_t block() const { return block_; }  ///< samples

  /// Everything it knows, exactly.
  std::vector<double> state() const;
  /// Throws Failure(corrupt) for what cannot be the state of one with these options.
  void restore(std::span<const double> state);

 private:
  void remember(float score);
  void end_alarm();

  Options options_;
  std::size_t block_;
  memory::NumberMemory highest_;  ///< of blocks
  std::size_t filled_ = 0;        ///< samples of the block that is not over
  float block_highest_ = 0;
  bool active_ = false;
  std::size_t calm_ = 0;          ///< usual samples since the last rare one
  std::vector<float> held_ = {};  ///< scores of the alarm that goes on
};

}  // namespace dormouse::learning
