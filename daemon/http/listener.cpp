#include "daemon/http/listener.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "config/error.h"

namespace dormouse::daemon {
namespace {

constexpr int kBacklog = 128;
constexpr mode_t kMode = 0660;

[[noreturn]] void fail(const std::string& what) {
  throw Failure(Errc::io, what + ": " + std::strerror(errno));
}

/// Closes the descriptor unless it is released.
class Socket {
 public:
  Socket(int family, const std::string& what) : descriptor_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (descriptor_ < 0) fail(what);
  }
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int get() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    throw Failure(Errc::io, "socket path '" + path + "' must have 1 to " +
                                std::to_string(sizeof(address.sun_path) - 1) + " bytes");
  }
  path.copy(address.sun_path, path.size());
  return address;
}

template <class Address>
int bind_to(const Socket& socket, const Address& address) {
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

/// A crash leaves its socket file behind; a running daemon answers on it.
void remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) {
    throw Failure(Errc::conflict, path + " exists and is no socket: remove it or choose another path");
  }
  const Socket probe(AF_UNIX, path);
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    throw Failure(Errc::conflict, "another daemon listens on " + path);
  }
  if (errno != ECONNREFUSED) fail(path);
  if (::unlink(path.c_str()) != 0) fail(path);
}

}  // namespace

Listening listen_unix(const std::string& path) {
  const sockaddr_un address = address_of(path);
  Socket socket(AF_UNIX, path);
  // The file is born with the socket's own mode, so there is no moment at which others may connect.
  if (::fchmod(socket.get(), kMode) != 0) fail(path);
  if (bind_to(socket, address) != 0) {
    if (errno != EADDRINUSE) fail(path);
    remove_stale(path, address);
    if (bind_to(socket, address) != 0) fail(path);
  }
  if (::chmod(path.c_str(), kMode) != 0) fail(path);  // the umask may have taken the group's bits
  if (::listen(socket.get(), kBacklog) != 0) fail(path);
  return {.descriptor = socket.release(), .tcp = false, .path = path};
}

Listening listen_loopback(std::uint16_t port) {
  const std::string name = "127.0.0.1:" + std::to_string(port);
  Socket socket(AF_INET, name);
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind_to(socket, address) != 0) {
    if (errno == EADDRINUSE) throw Failure(Errc::conflict, name + " is taken by another program");
    fail(name);
  }
  if (::listen(socket.get(), kBacklog) != 0) fail(name);
  return {.descriptor = socket.release(), .tcp = true, .path = {}};
}

Listening adopt(int descriptor) {
  const std::string name = "inherited descriptor " + std::to_string(descriptor);
  const auto option = [&](int key) {
    int value = 0;
    socklen_t size = sizeof(value);
    if (::getsockopt(descriptor, SOL_SOCKET, key, &value, &size) != 0) fail(name);
    return value;
  };
  if (option(SO_TYPE) != SOCK_STREAM || option(SO_ACCEPTCONN) == 0) {
    throw Failure(Errc::io, name + " is no listening stream socket: check ListenStream= in the socket unit");
  }
  return {.descriptor = descriptor, .tcp = option(SO_DOMAIN) != AF_UNIX, .path = {}};
}

std::uint16_t port_of(const Listening& listening) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  if (::getsockname(listening.descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    fail("getsockname");
  return ntohs(address.sin_port);
}

}  // namespace dormouse::daemon
