#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/bench/ladder/run.h"

namespace dormouse::bench {

/// One climb, as one line of JSON.
struct Record {
  std::string rung;
  std::string row;
  std::string settings;
  std::uint64_t seed = 0;
  Climb climb;
};

/// One write(), so that processes may append to one file at the same time. Throws Failure(io).
void append(const std::filesystem::path& file, const Record& result);
/// All of them anew, by rename. Throws Failure(io).
void write_results(const std::filesystem::path& file, const std::vector<Record>& results);
/// No file: nothing. Throws Failure(corrupt) naming the line.
std::vector<Record> read_results(const std::filesystem::path& file);

/// What the accuracy matrix says, in percent; tasks weigh alike. Forgetting and backward transfer are means
/// over all tasks but the last: the best there ever was, or what was just learnt, against the end. Joint
/// training has neither.
double average(const Climb& climb);
double worst_task(const Climb& climb);
std::optional<double> forgetting(const Climb& climb);
std::optional<double> backward_transfer(const Climb& climb);

}  // namespace dormouse::bench
