#include "tests/bench/ladder/instructions.h"

#include <spawn.h>
#include <sys/wait.h>

#include <fstream>

#include "config/error.h"

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFiles = "callgrind.";

/// Its exit status; what it prints goes where ours does.
int run_and_wait(const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t child = 0;
  if (posix_spawnp(&child, words[0], nullptr, nullptr, words.data(), environ) != 0) return -1;
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

double callgrind_total(const fs::path& folder) {
  double sum = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with(kFiles)) continue;
    std::ifstream lines(entry.path());
    bool found = false;
    for (std::string line; std::getline(lines, line) && !found;) {
      if (!line.starts_with("summary: ")) continue;
      sum += std::stod(line.substr(9));
      found = true;
    }
    if (!found) throw Failure(Errc::corrupt, entry.path().string() + ": no summary of callgrind");
  }
  return sum;
}

double instructions_asleep(const std::vector<std::string>& command, const fs::path& folder) {
  // Entering and leaving a named function both toggle: looks inside a sleep are taken out again.
  std::vector<std::string> all = {"valgrind",
                                  "--quiet",
                                  "--tool=callgrind",
                                  "--toggle-collect=dormouse::bench::*Learner::sleep*",
                                  "--toggle-collect=dormouse::bench::*glance*",
                                  "--callgrind-out-file=" + (folder / kFiles).string() + "%p"};
  all.insert(all.end(), command.begin(), command.end());
  if (run_and_wait(all) != 0)
    throw Failure(Errc::unavailable,
                  "valgrind could not run the climb: is it installed (apt install valgrind)?");
  return callgrind_total(folder);
}

}  // namespace dormouse::bench
