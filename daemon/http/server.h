#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/http/listener.h"
#include "daemon/http/router.h"

namespace dormouse::daemon {

/// What one finished exchange looked like: for metrics, the audit log and the error log.
struct Exchange {
  const Route* route;  ///< null when none matched
  const Peer& peer;
  unsigned status;
  std::chrono::nanoseconds duration;  ///< from the complete request to the answer being ready
  std::string_view bug;               ///< what() of an exception that was no Failure; empty otherwise
};

/// HTTP/1.1 on Unix sockets and, if asked, loopback TCP.
///
/// Lives on one io_context that one thread runs: handlers, callbacks and every member but the constructor are
/// called there. Nothing a client does makes it hold more than the limits allow.
class Server {
 public:
  struct Limits {
    std::size_t body = 16u << 20;                  ///< bytes; more answers 413
    std::size_t header = 8u << 10;                 ///< bytes; more answers 431
    std::size_t chunks = 4096;                     ///< of a chunked body
    std::size_t bodies = 64u << 20;                ///< bytes of all bodies held at once; more answer 503
    std::size_t connections = 256;                 ///< more are answered 503 and closed
    std::size_t in_flight = 64;                    ///< requests in handlers at once; more answer 503
    std::chrono::milliseconds header_time{5'000};  ///< from a request's first byte to the end of its header
    std::chrono::milliseconds body_time{30'000};
    std::chrono::milliseconds write_time{30'000};
    std::chrono::milliseconds idle_time{75'000};  ///< between requests of a connection
    std::chrono::milliseconds heartbeat{15'000};  ///< of event streams
  };

  using Observer = std::function<void(const Exchange&)>;

  /// `router` is borrowed and complete.
  Server(boost::asio::io_context& io, const Router& router, Limits limits, Observer observer = {});
  /// Closes every connection at once.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Serves what comes through `listening`, which it takes over. TCP needs a `token`, sent as "Authorization:
  /// Bearer …".
  void listen(Listening listening, Role role, std::string token = "");

  /// Stops accepting, closes idle connections and event streams, and lets requests in flight finish; those
  /// that have not after `patience` are cut off.
  boost::asio::awaitable<void> stop(std::chrono::milliseconds patience);

  std::size_t connections() const;
  std::size_t in_flight() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace dormouse::daemon
