#include "daemon/systemd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <utility>

namespace dormouse::daemon {
namespace {

constexpr int kFirstInherited = 3;  // SD_LISTEN_FDS_START

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::optional<long long> number(std::string_view text) {
  long long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// A datagram socket connected to `name`, or -1.
int connect_to(std::string_view name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.empty() || name.size() >= sizeof(address.sun_path) || (name[0] != '/' && name[0] != '@'))
    return -1;
  name.copy(address.sun_path, name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';  // the abstract namespace
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), size) == 0) return descriptor;
  ::close(descriptor);
  return -1;
}

}  // namespace

Supervisor::Supervisor(std::string_view socket, std::optional<std::chrono::microseconds> watchdog)
    : descriptor_(connect_to(socket)), watchdog_(watchdog) {}

Supervisor Supervisor::from_environment() {
  std::optional<std::chrono::microseconds> watchdog;
  const std::string pid = variable("WATCHDOG_PID");
  const auto interval = number(variable("WATCHDOG_USEC"));
  if (interval && *interval > 0 && (pid.empty() || number(pid) == ::getpid())) {
    watchdog = std::chrono::microseconds(*interval);
  }
  return Supervisor(variable("NOTIFY_SOCKET"), watchdog);
}

Supervisor::~Supervisor() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Supervisor::Supervisor(Supervisor&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), watchdog_(other.watchdog_) {}

void Supervisor::status(std::string_view line) const {
  std::string text(line.substr(0, line.find('\n')));
  send("STATUS=" + text);
}

void Supervisor::reloading() const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.tv_sec * 1'000'000LL + now.tv_nsec / 1000));
}

void Supervisor::extend_timeout(std::chrono::microseconds more) const {
  send("EXTEND_TIMEOUT_USEC=" + std::to_string(more.count()));
}

void Supervisor::send(std::string_view message) const {
  if (descriptor_ < 0) return;
  [[maybe_unused]] const auto sent =
      ::send(descriptor_, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

std::vector<InheritedSocket> inherited_sockets() {
  const auto pid = number(variable("LISTEN_PID"));
  const auto count = number(variable("LISTEN_FDS"));
  const std::string all_names = variable("LISTEN_FDNAMES");
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  std::vector<InheritedSocket> sockets;
  if (pid != ::getpid() || !count) return sockets;
  std::string_view names = all_names;
  for (int i = 0; i < *count; ++i) {
    const auto colon = std::min(names.find(':'), names.size());
    sockets.push_back({kFirstInherited + i, std::string(names.substr(0, colon))});
    names.remove_prefix(std::min(colon + 1, names.size()));
    ::fcntl(sockets.back().descriptor, F_SETFD, FD_CLOEXEC);
  }
  return sockets;
}

}  // namespace dormouse::daemon
