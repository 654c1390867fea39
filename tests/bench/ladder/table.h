#pragma once

#include <span>

#include "tests/bench/ladder/results.h"
#include "tests/bench/ladder/rungs.h"

namespace dormouse::bench {

/// A rung as a Markdown table on standard output: mean ± standard deviation over the seeds there are, the
/// reference beside it. Results under other settings than the row's are passed over, rows without results
/// too.
void print_table(const Rung& rung, std::span<const Record> records);

/// Dormouse's row of each rung that has one: its bounds, and its lead over the best rival in standard errors
/// of the difference.
void print_standings(std::span<const Rung* const> rungs, std::span<const Record> records);

}  // namespace dormouse::bench
