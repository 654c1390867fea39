#include "tests/bench/ladder/jobs.h"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <map>

#include "config/error.h"

namespace dormouse::bench {
namespace {

using Clock = std::chrono::steady_clock;

/// Exits without running the parent's destructors.
[[noreturn]] void be_child(const Job& job) {
  int status = 0;
  try {
    job.work();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", job.name.c_str(), error.what());
    status = 1;
  }
  std::fflush(nullptr);
  _exit(status);
}

}  // namespace

bool run_jobs(const std::vector<Job>& jobs, std::size_t at_once) {
  std::map<pid_t, std::pair<const Job*, Clock::time_point>> running;
  std::size_t done = 0;
  bool all_well = true;
  const auto wait_for_one = [&] {
    int status = 0;
    const pid_t child = waitpid(-1, &status, 0);
    const auto ended = running.find(child);
    if (ended == running.end()) return;
    const auto& [job, started] = ended->second;
    const bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    all_well = all_well && well;
    std::printf("[%zu/%zu] %s: %s, %.1f s\n", ++done, jobs.size(), job->name.c_str(),
                well ? "done" : "FAILED", std::chrono::duration<double>(Clock::now() - started).count());
    std::fflush(stdout);
    running.erase(ended);
  };
  for (const Job& job : jobs) {
    while (running.size() >= at_once) wait_for_one();
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child < 0) throw Failure(Errc::unavailable, "fork failed: fewer --jobs may help");
    if (child == 0) be_child(job);
    running.emplace(child, std::pair(&job, Clock::now()));
  }
  while (!running.empty()) wait_for_one();
  return all_well;
}

}  // namespace dormouse::bench
