#pragma once

#include "tests/bench/ladder/learner.h"
#include "tests/bench/ladder/rungs.h"

namespace dormouse::bench {

/// What a learner for one rung is made of.
struct Place {
  std::size_t width = 0;
  std::size_t classes = 0;
  bool images = false;     ///< 28 × 28 pixels in [0, 1] …
  bool scrambled = false;  ///< … that say nothing of their neighbours
  std::vector<std::size_t> hidden;
  std::uint64_t seed = 1;
};

/// One of the library's strategies, on a network with random first weights.
std::unique_ptr<Learner> strategy_learner(const Way& way, const Place& place);

}  // namespace dormouse::bench
