#pragma once

#include <optional>

#include "learning/packing.h"
#include "tests/bench/ladder/learner.h"
#include "tests/bench/ladder/rungs.h"

namespace dormouse::bench {

/// What a learner for one rung is made of.
struct Place {
  std::size_t width = 0;
  std::size_t classes = 0;
  bool pixels = false;  ///< 28 × 28 values in [0, 1]
  /// Where values next to each other have to do with each other: not in permuted pixels.
  std::optional<learning::ImageShape> image = {};
  std::size_t batch = 10;
  std::vector<std::size_t> hidden;
  std::uint64_t seed = 1;
};

/// One of the library's strategies, on a network with random first weights.
std::unique_ptr<Learner> strategy_learner(const Way& way, const Place& place);

}  // namespace dormouse::bench
