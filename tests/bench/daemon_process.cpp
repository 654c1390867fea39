#include "tests/bench/daemon_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "config/error.h"
#include "daemon/client/ask.h"

extern char** environ;

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kPoll = 500us;

std::string write_configuration(const fs::path& folder, const DaemonProcess::Model& model,
                                const std::string& memory) {
  const std::string file = folder / "dormouse.yaml";
  std::ofstream(file) << (memory.empty() ? "" : "memory: " + memory + "\n")
                      << "daemon: {socket: dormouse.sock, admin_socket: admin.sock}\n"
                      << "state: state\n"
                      << "models:\n"
                      << "  - name: " << model.name << "\n"
                      << "    path: " << fs::absolute(model.path).string() << "\n"
                      << "    seed: " << fs::absolute(model.seed).string() << "\n"
                      << model.more;
  return file;
}

pid_t spawn(const std::string& binary, const std::string& configuration, const std::string& log) {
  const char* const arguments[] = {binary.c_str(), "serve", "--config", configuration.c_str(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t pid = -1;
  const int error =
      posix_spawn(&pid, binary.c_str(), &actions, nullptr, const_cast<char* const*>(arguments), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw Failure(Errc::io, binary + ": cannot be started");
  return pid;
}

}  // namespace

DaemonProcess::DaemonProcess(const fs::path& binary, const fs::path& folder, const Model& model,
                             const std::string& memory)
    : folder_(folder) {
  if (memory.empty()) fs::remove_all(folder);
  fs::create_directories(folder);
  const std::string configuration = write_configuration(folder, model, memory);
  const auto start = std::chrono::steady_clock::now();
  pid_ = spawn(binary, configuration, folder / "serve.log");
  wait_until_ready();
  time_to_ready_ = std::chrono::steady_clock::now() - start;
}

DaemonProcess::~DaemonProcess() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

void DaemonProcess::wait_until_ready() {
  daemon::HttpClient client(socket());
  for (;;) {
    try {
      daemon::ask_text(client, daemon::get("/v2/health/ready"));
      return;
    } catch (const daemon::Unreachable&) {
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
        pid_ = -1;
        throw Failure(Errc::io, "the daemon ended at once; see " + (folder_ / "serve.log").string());
      }
      std::this_thread::sleep_for(kPoll);
    }
  }
}

double DaemonProcess::memory(const std::string& line) const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string text; std::getline(status, text);)
    if (text.starts_with(line + ":")) return std::stod(text.substr(line.size() + 1)) / 1024;
  throw Failure(Errc::io, "the system does not tell " + line);
}

void DaemonProcess::forget_peak() const {
  std::ofstream file("/proc/" + std::to_string(pid_) + "/clear_refs");
  if (!(file << "5" << std::flush)) throw Failure(Errc::io, "the system does not forget the peak of memory");
}

double DaemonProcess::cpu_seconds() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
  std::string text;
  std::getline(file, text);
  std::istringstream fields(text.substr(text.rfind(')') + 2));  // from the state on, the third field
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace dormouse::bench
