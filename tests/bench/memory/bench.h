#pragma once

#include "tests/bench/options.h"

/// The parts of bench_memory; each prints its table and says whether every bound was held.
namespace dormouse::bench {

bool measure_exact(const Options& options);      ///< 100,000 vectors scanned
bool measure_crossover(const Options& options);  ///< scan against graph, by size
bool measure_million(const Options& options);    ///< a graph over a million
bool measure_start(const Options& options);      ///< ready after kill -9
bool measure_wear(const Options& options);       ///< bytes written for an episode
bool measure_steady(const Options& options);     ///< RAM over many more inserts than memory holds

/// Prints one line and hands `passed` on.
bool judge(bool passed, const char* what, double value, const char* bound);

}  // namespace dormouse::bench
