#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>

namespace dormouse::bench {

/// `dormouse serve` as a child process, on one model, in a folder of its own.
class DaemonProcess {
 public:
  struct Model {
    std::string name;
    std::filesystem::path path;
    std::filesystem::path seed;
    std::string more = {};  ///< YAML lines of the model's section, indented as those are
  };
  /// Returns when the daemon answers that it is ready. Throws Failure when it ends instead. The folder is
  /// emptied first, unless `memory`, YAML for that section, says how to go on with what lies there.
  DaemonProcess(const std::filesystem::path& binary, const std::filesystem::path& folder, const Model& model,
                const std::string& memory = "");
  ~DaemonProcess();  ///< SIGTERM, and waits for the end
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;

  std::string socket() const { return folder_ / "dormouse.sock"; }
  std::string admin_socket() const { return folder_ / "admin.sock"; }
  /// From the start of the process to the first answer that it is ready.
  std::chrono::nanoseconds time_to_ready() const { return time_to_ready_; }
  /// A line of /proc/PID/status in MiB, such as VmRSS or VmHWM.
  double memory(const std::string& line) const;
  /// VmHWM starts anew from what is resident now.
  void forget_peak() const;
  /// Of all its threads since it started.
  double cpu_seconds() const;

 private:
  void wait_until_ready();

  std::filesystem::path folder_;
  pid_t pid_ = -1;
  std::chrono::nanoseconds time_to_ready_{};
};

}  // namespace dormouse::bench
