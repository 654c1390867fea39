#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/bench/ladder/learner.h"
#include "tests/bench/ladder/tasks.h"

namespace dormouse::bench {

/// How long a task lasts.
struct Schedule {
  std::size_t batch = 10;
  std::size_t epochs = 1;
  std::size_t steps = 0;  ///< batches a task, however many epochs that is; 0: by epochs
};

/// What one climb of one rung left, accuracies in percent.
struct Climb {
  std::vector<std::vector<double>> accuracy;  ///< [after task][on task]; joint training: its one row
  double worst_person = 0;                    ///< at the end; of the test examples' groups
  std::optional<double> lowest_asleep;        ///< least accuracy over the tasks met, looked at during sleep
  std::size_t bytes = 0;                      ///< the most there were
  double seconds = 0;                         ///< CPU, all learning
  std::size_t sleeps = 0;
  double sleep_seconds = 0;                  ///< CPU, of all sleeps
  std::optional<double> sleep_instructions;  ///< of all sleeps, in user space
};

/// Learns the tasks one after another.
Climb climb(Learner& learner, const Stream& stream, const Schedule& schedule, std::uint64_t seed);
/// Learns all tasks as one, shuffled together: what to reach.
Climb climb_jointly(Learner& learner, const Stream& stream, const Schedule& schedule, std::uint64_t seed);

}  // namespace dormouse::bench
