#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "daemon/http/server.h"

namespace dormouse::daemon {

/// What the connections of one server share.
struct ServerContext {
  const Router& router;
  Server::Limits limits;
  Server::Observer observer;
  std::size_t in_flight = 0;
  std::size_t body_bytes = 0;  ///< held for bodies by all connections
  bool stopping = false;
};

/// One client: reads a request, has it answered, and again. Only server.cpp uses it.
class Connection {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Time = std::chrono::steady_clock::time_point;

  /// An empty `token` asks for none; `tcp` also checks the Host header.
  Connection(Socket socket, Peer peer, bool tcp, std::string token, std::shared_ptr<ServerContext> context);
  ~Connection();

  /// Serves until either side is done. Throws nothing that a client can cause.
  boost::asio::awaitable<void> serve();

  /// Cuts off what has run out of time; called every now and then.
  void sweep(Time now);
  /// The server stops: an idle connection or event stream ends now, any other after its request.
  void finish();
  void cut_off();

 private:
  struct Parser;
  enum class Phase { idle, reading, answering, streaming };
  struct Prepared {
    Request request;
    const Route* route = nullptr;
    std::optional<Response> refusal;
  };
  /// What a response has to know of its request.
  struct Ending {
    bool keep_alive = false;
    bool body_unread = false;
    bool head = false;  ///< HEAD: no body
  };
  static constexpr Ending kUnread{false, true, false};  ///< the rest of the connection cannot be parsed

  void expect(Phase phase, std::chrono::milliseconds patience);
  void unlimited(Phase phase);

  boost::asio::awaitable<bool> first_byte();
  boost::asio::awaitable<bool> exchange();
  Prepared prepare(const Parser& parser) const;
  boost::asio::awaitable<bool> answer(const Route& route, Request request, Ending ending);
  boost::asio::awaitable<bool> refuse(Response response, Ending ending);
  boost::asio::awaitable<bool> read_body(Parser& parser, Request& request);
  boost::asio::awaitable<bool> read_sized(std::size_t size, Request& request);
  boost::asio::awaitable<bool> read_chunked(Parser& parser, Request& request);
  boost::asio::awaitable<Response> handle(const Route& route, Request request);
  boost::asio::awaitable<void> write(const Response& response, bool keep_alive, bool head);
  boost::asio::awaitable<void> stream(std::shared_ptr<Subscriber> subscriber);
  boost::asio::awaitable<void> linger();

  std::optional<Response> admit(const Parser& parser) const;
  bool reserve(std::size_t bytes);
  void release_body();
  void observe(const Route* route, unsigned status, std::chrono::nanoseconds duration, std::string_view bug);

  Socket socket_;
  Peer peer_;
  bool tcp_;
  std::string token_;
  std::shared_ptr<ServerContext> context_;

  struct Input;  // what came in and is not parsed yet
  std::unique_ptr<Input> input_;
  std::shared_ptr<engine::Buffer> body_;  // kept for the next request while it is small
  std::size_t reserved_ = 0;
  std::string head_;  // of the response, kept for its capacity
  std::shared_ptr<Subscriber> subscriber_;
  Phase phase_ = Phase::idle;
  Time deadline_ = Time::max();
  bool expired_ = false;
};

}  // namespace dormouse::daemon
