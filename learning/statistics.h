#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "learning/latents.h"

namespace dormouse::learning {

/// All that discriminants and ridge regression need to know of the latents of one class: n, Σx and Σxxᵀ in
/// double precision.
///
/// The second moment is the lower triangle, row by row: D(D+1)/2 numbers.
struct ClassStatistics {
  explicit ClassStatistics(std::size_t width = 0) : sum(width), moment(width * (width + 1) / 2) {}

  double count = 0;
  std::vector<double> sum;
  std::vector<double> moment;

  /// Adds `times` copies of `latent`; -1 takes one away.
  void add(std::span<const float> latent, double times = 1);
  void add(const ClassStatistics& other);
};

/// The statistics of a class as bytes to be stored, doubles as they are (little-endian machines only, as all
/// that runs this is); and back. Throws Failure(corrupt) naming `what` when the bytes are not those of a
/// class of this width.
std::string to_bytes(const ClassStatistics& statistics);
ClassStatistics class_statistics(std::string_view bytes, std::size_t width, std::string_view what);

using Statistics = std::vector<ClassStatistics>;  ///< by class

Statistics statistics_of(const LabelledLatents& data, std::size_t classes);

/// Mean and standard deviation per latent element, every class counted alike; a constant element has
/// deviation 1.
struct LatentScale {
  std::vector<float> mean;
  std::vector<float> deviation;

  void standardise(std::span<float> latent) const;
};

LatentScale scale_of(const Statistics& statistics, std::size_t width);

}  // namespace dormouse::learning
