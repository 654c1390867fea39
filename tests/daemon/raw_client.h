#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace dormouse::daemon {

/// A socket that says exactly what a test wants to say. Gives up after ten silent seconds.
class RawClient {
 public:
  explicit RawClient(const std::string& path) : descriptor_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    connect(address);
  }
  explicit RawClient(std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect(address);
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }
  void say(std::string_view text) {
    while (!text.empty()) {
      const auto sent = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // closed by the server: what it said shows why
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void finish_saying() { ::shutdown(descriptor_, SHUT_WR); }
  /// Reads until `mark` has come (and everything with it), or the end.
  std::string hear(std::string_view mark) {
    std::string heard;
    while (heard.find(mark) == heard.npos && more(heard)) {
    }
    return heard;
  }
  std::string hear_all() {
    std::string heard;
    while (more(heard)) {
    }
    return heard;
  }
  /// Says `text`, then hears one response with a Content-Length.
  std::string ask(std::string_view text) {
    say(text);
    return response();
  }
  std::string response() {
    std::string heard = std::move(rest_);
    rest_.clear();
    while (heard.find("\r\n\r\n") == heard.npos && more(heard)) {
    }
    const auto header = heard.find("\r\n\r\n");
    const auto length = heard.find("Content-Length: ");
    if (header == heard.npos || length == heard.npos) return heard;
    const std::size_t size = header + 4 + std::stoul(heard.substr(length + 16));
    while (heard.size() < size && more(heard)) {
    }
    rest_ = heard.substr(size);
    return heard.substr(0, size);
  }

 private:
  template <class Address>
  void connect(const Address& address) {
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      throw std::runtime_error("connect");
    }
  }
  bool more(std::string& heard) {
    char piece[4096];
    const auto size = ::recv(descriptor_, piece, sizeof(piece), 0);
    if (size > 0) heard.append(piece, static_cast<std::size_t>(size));
    return size > 0;
  }

  int descriptor_;
  std::string rest_;
};

}  // namespace dormouse::daemon
