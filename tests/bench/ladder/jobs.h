#pragma once

#include <functional>
#include <string>
#include <vector>

namespace dormouse::bench {

/// Work for a process of its own.
struct Job {
  std::string name;
  std::function<void()> work;
};

/// Runs jobs in child processes, at most `at_once` at a time, and prints each name when it is done, with the
/// seconds it took. False when a job failed, by exception or signal; the others are run all the same. Call it
/// before any thread is started.
bool run_jobs(const std::vector<Job>& jobs, std::size_t at_once);

}  // namespace dormouse::bench
