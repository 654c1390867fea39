#pragma once

#include <span>

#include "tests/bench/ladder/results.h"
#include "tests/bench/ladder/rungs.h"

namespace dormouse::bench {

/// A rung as a Markdown table on standard output: mean ± standard deviation over the seeds there are, the
/// reference beside it. Results under other settings than the row's are passed over, rows without results
/// too.
void print_table(const Rung& rung, std::span<const Record> results);

}  // namespace dormouse::bench
