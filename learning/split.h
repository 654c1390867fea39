#pragma once

#include <vector>

#include "learning/dataset.h"

namespace dormouse::learning {

using Rows = std::vector<std::size_t>;

/// Which examples are for what.
struct Split {
  Rows train;
  Rows heldout;  ///< validation, and the seed memory's held-out part: training never sees them
  Rows test;     ///< nothing sees them before the end
};

struct SplitOptions {
  double heldout = 0.1;                ///< share of all
  std::size_t heldout_per_class = 60;  ///< at most, where there are no groups
  double test = 0;                     ///< share of all
  std::uint64_t seed = 1;
};

/// Splits at random: whole groups where the data has groups, at least one for each part that has a share;
/// else class by class (numbers: at random). Deterministic under options.seed. Throws Failure(invalid) when
/// there are fewer groups than parts.
///
/// Series are split by time, each alone: the last rows are for the test, those before them held out. The rows
/// an example foretells lie in one part; examples across a border are left out. What it sees may reach back
/// into the part before. Throws Failure(invalid) when a part with a share gets none.
Split split(const Dataset& data, const SplitOptions& options);

}  // namespace dormouse::learning
