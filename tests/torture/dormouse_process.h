#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/client/http_client.h"
#include "tests/temporary_folder.h"

namespace dormouse::daemon {

/// What a run of the program came to.
struct Ended {
  int code = 0;        ///< the exit code, or 128 + the signal that ended it
  std::string output;  ///< stdout and stderr together
};

/// Runs the built `dormouse` with these arguments to its end.
Ended run_dormouse(const TemporaryFolder& folder, const std::vector<std::string>& arguments);

/// Runs it until `file` has been replaced `times` times, and kills it then. False: it came to its end before.
bool kill_when_replaced(const TemporaryFolder& folder, const std::vector<std::string>& arguments,
                        const std::string& file, std::size_t times);

/// `dormouse serve --config dormouse.yaml` in `folder`, supervised as systemd does it.
class DormouseProcess {
 public:
  /// Starts it and waits until it is ready. Throws std::runtime_error with its log when that does not come.
  explicit DormouseProcess(const TemporaryFolder& folder);
  ~DormouseProcess();  ///< kills what still runs
  DormouseProcess(const DormouseProcess&) = delete;
  DormouseProcess& operator=(const DormouseProcess&) = delete;

  void signal(int number) const;
  /// Waits for its end: see Ended::code.
  int wait();
  /// The next thing that it tells its supervisor; empty when a minute passes without.
  std::string notified();
  /// What it wrote so far.
  std::string log() const;
  HttpClient user() const;
  HttpClient admin() const;

 private:
  bool poll_end();

  const TemporaryFolder& folder_;
  int notify_ = -1;
  pid_t pid_ = -1;
  std::optional<int> code_;
};

/// Kills the daemon after `delay`, in the midst of `work`, which is done over and over until it meets a dead
/// daemon. Returns how that ended; what else `work` throws goes on.
int kill_during(DormouseProcess& process, std::chrono::microseconds delay, const std::function<void()>& work);

/// Writes `text` to `name` in the folder.
void write_file(const TemporaryFolder& folder, const std::string& name, const std::string& text);
std::string read_file(const std::string& path);

}  // namespace dormouse::daemon
