#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dormouse::bench {

/// Runs `command` under valgrind's callgrind, which counts where no counter of the processor can be read, and
/// returns the instructions of user space that it and the processes it forks spend in Learner::sleep, looks
/// at the sleeper left out. callgrind offers AVX2 at most. Slow: fifty times the time. Throws
/// Failure(unavailable) without valgrind or when the command fails.
double instructions_asleep(const std::vector<std::string>& command, const std::filesystem::path& folder);

/// The sum over callgrind's files in a folder. Throws Failure(corrupt) when one has no total.
double callgrind_total(const std::filesystem::path& folder);

}  // namespace dormouse::bench
