#include "tests/torture/dormouse_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <tuple>

namespace dormouse::daemon {
namespace {

constexpr int kMinute = 60'000;  // milliseconds

pid_t spawn(const std::vector<std::string>& arguments, const std::string& output) {
  std::vector<std::string> words;
  std::istringstream emulator(DORMOUSE_EMULATOR);  // nothing, or what runs a program of another processor
  for (std::string word; emulator >> word;) words.push_back(word);
  words.push_back(DORMOUSE_BINARY);
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("fork");
  if (pid > 0) return pid;
  const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(file, STDOUT_FILENO);
  ::dup2(file, STDERR_FILENO);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

/// A datagram socket at `path`.
int bind_notify(const std::string& path) {
  ::unlink(path.c_str());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    throw std::runtime_error("bind " + path);
  return descriptor;
}

}  // namespace

int kill_during(DormouseProcess& process, std::chrono::microseconds delay,
                const std::function<void()>& work) {
  {
    const std::jthread killer([&] {
      std::this_thread::sleep_for(delay);
      process.signal(SIGKILL);
    });
    try {
      for (;;) work();
    } catch (const Unreachable&) {
    } catch (const Failure&) {  // the connection broke: it is dead
    }
  }
  return process.wait();
}

void write_file(const TemporaryFolder& folder, const std::string& name, const std::string& text) {
  std::ofstream(folder.file(name), std::ios::binary) << text;
}

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

Ended run_dormouse(const TemporaryFolder& folder, const std::vector<std::string>& arguments) {
  const std::string output = folder.file("output");
  ::unlink(output.c_str());
  const pid_t pid = spawn(arguments, output);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return {code_of(status), read_file(output)};
}

bool kill_when_replaced(const TemporaryFolder& folder, const std::vector<std::string>& arguments,
                        const std::string& file, std::size_t times) {
  const auto identity = [&file] {
    struct stat found {};
    if (::stat(file.c_str(), &found) != 0) return std::tuple<ino_t, time_t, long>{};
    return std::tuple{found.st_ino, found.st_mtim.tv_sec, found.st_mtim.tv_nsec};
  };
  auto seen = identity();
  const pid_t pid = spawn(arguments, folder.file("output"));
  int status = 0;
  while (times > 0) {
    if (::waitpid(pid, &status, WNOHANG) == pid) return false;
    const auto now = identity();
    times -= now != seen;
    seen = now;
    std::this_thread::yield();
  }
  ::kill(pid, SIGKILL);
  ::waitpid(pid, &status, 0);
  return WIFSIGNALED(status);
}

DormouseProcess::DormouseProcess(const TemporaryFolder& folder)
    : folder_(folder), notify_(bind_notify(folder.file("notify"))) {
  ::setenv("NOTIFY_SOCKET", folder.file("notify").c_str(), 1);
  pid_ = spawn({"serve", "--config", folder.file("dormouse.yaml")}, folder.file("log"));
  ::unsetenv("NOTIFY_SOCKET");
  for (std::string said; said != "READY=1";) {
    said = notified();
    if (said.empty()) {
      const std::string text = log();
      signal(SIGKILL);
      wait();
      ::close(notify_);
      throw std::runtime_error("dormouse serve did not get ready:\n" + text);
    }
  }
}

DormouseProcess::~DormouseProcess() {
  if (!code_) {
    signal(SIGKILL);
    wait();
  }
  ::close(notify_);
}

void DormouseProcess::signal(int number) const {
  if (!code_) ::kill(pid_, number);
}

int DormouseProcess::wait() {
  if (!code_) {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    code_ = code_of(status);
  }
  return *code_;
}

bool DormouseProcess::poll_end() {
  int status = 0;
  if (!code_ && ::waitpid(pid_, &status, WNOHANG) == pid_) code_ = code_of(status);
  return code_.has_value();
}

std::string DormouseProcess::notified() {
  constexpr int kStep = 50;
  for (int waited = 0; waited < kMinute; waited += kStep) {
    pollfd waiting{notify_, POLLIN, 0};
    if (::poll(&waiting, 1, kStep) > 0) {
      char text[512];
      const auto size = ::recv(notify_, text, sizeof(text), 0);
      return {text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
    }
    if (poll_end()) return "";
  }
  return "";
}

std::string DormouseProcess::log() const { return read_file(folder_.file("log")); }

HttpClient DormouseProcess::user() const { return HttpClient(folder_.file("user.sock")); }

HttpClient DormouseProcess::admin() const { return HttpClient(folder_.file("admin.sock")); }

}  // namespace dormouse::daemon
