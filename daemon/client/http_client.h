#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "daemon/http/message.h"

namespace dormouse::daemon {

/// Nobody answers on the socket. The command line exits with 3.
class Unreachable : public std::exception {
 public:
  explicit Unreachable(std::string message) : message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

struct Reply {
  unsigned status = 0;
  Fields headers{};
  std::string body;
  const std::string* header(std::string_view name) const { return find_field(headers, name); }
};

/// What the client sends; `body` is borrowed during the call.
struct Call {
  std::string_view method = "GET";
  std::string target{};  ///< path and query, already percent-encoded
  std::string_view body{};
  std::string_view content_type = "application/json";
  Fields headers{};
};

/// HTTP/1.1 to the daemon's Unix socket, one request after the other on one connection.
///
/// Not thread-safe. Throws Unreachable when nobody listens there and Failure(io / unavailable / corrupt) when
/// the connection breaks, stays silent for longer than the patience, or does not speak HTTP.
class HttpClient {
 public:
  explicit HttpClient(std::string socket_path, std::chrono::milliseconds patience = std::chrono::minutes(2));
  ~HttpClient();
  HttpClient(HttpClient&& other) noexcept;
  HttpClient& operator=(HttpClient&&) = delete;

  Reply send(const Call& call);

  struct Event {
    std::string type;
    std::string data;
  };
  /// What to do while events come; the first is required.
  struct Listener {
    std::function<bool(const Event&)> take;  ///< false ends the stream
    std::function<void()> opened{};          ///< no event can be missed from now on
    std::function<bool()> silent{};          ///< nothing came for the whole patience: false ends the stream
  };
  /// Subscribes to server-sent events until the listener or the daemon ends them. Returns the reply when the
  /// daemon refuses. Silence is a Failure(unavailable) unless the listener says what to do about it.
  std::optional<Reply> events(const Call& call, const Listener& listener);

 private:
  void connect();
  void disconnect();
  void write(const Call& call);
  enum class Received { more, end, silence };
  /// Appends what comes to `buffered_`.
  Received receive();
  /// The same, with silence as a Failure; false at the end.
  bool receive_or_fail();
  Reply read_reply(bool header_only);
  Reply read_refusal(Reply header);

  std::string path_;
  std::chrono::milliseconds patience_;
  int descriptor_ = -1;
  std::string buffered_;
};

}  // namespace dormouse::daemon
