#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "tests/bench/nab/corpus.h"

/// NAB's scoring, version 1.1 (nab/sweeper.py at ea702d75 is the definition; this is written from it).
namespace dormouse::bench::nab {

/// What an answer is worth to somebody.
struct Profile {
  std::string_view name;
  double true_positive;
  double false_positive;
  double false_negative;
};
inline constexpr std::array<Profile, 3> kProfiles{{{"standard", 1.0, 0.11, 1.0},
                                                   {"reward_low_FP_rate", 1.0, 0.22, 1.0},
                                                   {"reward_low_FN_rate", 1.0, 0.11, 2.0}}};

/// A series and a detector's answer to each of its rows: the higher, the more anomalous.
struct Judged {
  const Series* series;
  std::vector<double> scores;
};

/// Rows at the beginning whose answers do not count: 15% of them, at most 750.
std::size_t probation(std::size_t rows);

/// 2 / (1 + e^(5 position)) - 1, and -1 from 3 on. A window lies in [-1, 0): its first row is -1, worth most.
double scaled_sigmoid(double position);

/// Summed over the corpus, when a score of at least `threshold` is a detection. The first detection in a
/// window earns by how early it is, a window without one costs, and every detection outside costs by its
/// distance to the window before it.
double raw_score(std::span<const Judged> corpus, double threshold, const Profile& profile);

/// 100 (raw - null) / (perfect - null): null detects nothing, perfect the first row of every window alone.
/// Without windows there is no scale: NaN.
double normalised(double raw, std::span<const Judged> corpus, const Profile& profile);

struct Optimum {
  double threshold = 0;
  double raw = 0;
};

/// The one threshold, over all series, with the highest score; no detection at all (infinity) is among them.
Optimum best_threshold(std::span<const Judged> corpus, const Profile& profile);

struct Counts {
  std::size_t detected = 0;         ///< windows
  std::size_t missed = 0;           ///< windows
  std::size_t false_positives = 0;  ///< rows
};
Counts counts(std::span<const Judged> corpus, double threshold);

}  // namespace dormouse::bench::nab
