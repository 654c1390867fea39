#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dormouse::daemon {

/// Tells systemd how we are (sd_notify's protocol). Without $NOTIFY_SOCKET every call does nothing, and a
/// message that cannot be delivered is dropped: supervision must not bring the service down.
class Supervisor {
 public:
  /// `socket` as in $NOTIFY_SOCKET: a path, or '@' and an abstract name; empty for none.
  explicit Supervisor(std::string_view socket, std::optional<std::chrono::microseconds> watchdog = {});
  /// From $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID.
  static Supervisor from_environment();
  ~Supervisor();
  Supervisor(Supervisor&& other) noexcept;
  Supervisor& operator=(Supervisor&&) = delete;

  void ready() const { send("READY=1"); }
  void status(std::string_view line) const;
  void reloading() const;  ///< with MONOTONIC_USEC=; ready() ends it
  void stopping() const { send("STOPPING=1"); }
  void alive() const { send("WATCHDOG=1"); }
  void extend_timeout(std::chrono::microseconds more) const;
  /// How often systemd wants alive(); halve it. Nothing when it does not watch this process.
  std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }

 private:
  void send(std::string_view message) const;

  int descriptor_ = -1;
  std::optional<std::chrono::microseconds> watchdog_;
};

/// A listening socket that systemd opened for us.
struct InheritedSocket {
  int descriptor;
  std::string name;  ///< FileDescriptorName= of the socket unit
};

/// From $LISTEN_PID, $LISTEN_FDS and $LISTEN_FDNAMES, which it removes; children will not inherit the
/// sockets.
std::vector<InheritedSocket> inherited_sockets();

}  // namespace dormouse::daemon
