#pragma once

#include <cstdint>
#include <vector>

#include "tests/bench/nab/corpus.h"

/// NAB's own baselines, whose published scores tell whether corpus and scoring are read right.
namespace dormouse::bench::nab {

/// The same score for every row. Published: 0.0 in every profile.
std::vector<double> null_scores(const Series& series);

/// Uniform in [0, 1). Published, for one seed of numpy: 11.0 standard, 1.2 and 19.5.
std::vector<double> random_scores(const Series& series, std::uint64_t seed);

/// How far in the tail of a Gaussian over up to 6400 earlier values, refitted every 100 once there are so
/// many (nab/detectors/gaussian). Published: 39.6 standard, 20.9 and 47.4.
std::vector<double> windowed_gaussian_scores(const Series& series);

}  // namespace dormouse::bench::nab
