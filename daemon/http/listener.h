#pragma once

#include <cstdint>
#include <string>

namespace dormouse::daemon {

/// An open listening descriptor. Whoever takes it closes it, and removes `path` if there is one.
struct Listening {
  int descriptor = -1;
  bool tcp = false;
  std::string path;  ///< the socket file that we made; empty for TCP and for systemd's
};

/// Binds `path` (mode 0660) and listens. A stale socket file is removed only when nobody answers on it.
/// Throws Failure(conflict) when another daemon listens there or the path is no socket, Failure(io)
/// otherwise.
Listening listen_unix(const std::string& path);

/// Listens on 127.0.0.1 only; port 0 lets the kernel choose. Throws Failure(conflict / io).
Listening listen_loopback(std::uint16_t port);

/// A socket that systemd opened. Throws Failure(io) when it is not a listening stream socket.
Listening adopt(int descriptor);

std::uint16_t port_of(const Listening& listening);

}  // namespace dormouse::daemon
