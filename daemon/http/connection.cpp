#include "daemon/http/connection.h"

#include <algorithm>
#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <variant>

#include "daemon/http/connection_parser.h"
#include "daemon/http/event_stream.h"
#include "daemon/http/hang_up.h"
#include "daemon/http/loopback.h"

namespace dormouse::daemon {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

namespace {

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::get;
    case http::verb::head:
      return Method::head;
    case http::verb::post:
      return Method::post;
    case http::verb::put:
      return Method::put;
    case http::verb::delete_:
      return Method::del;
    default:
      return Method::other;
  }
}

std::string_view reason(unsigned status) {
  const auto text = http::obsolete_reason(static_cast<http::status>(status));
  return {text.data(), text.size()};
}

Fields copy_fields(const http::fields& fields) {
  Fields copied;
  for (const auto& field : fields) {
    copied.emplace_back(std::string(view(field.name_string())), std::string(view(field.value())));
  }
  return copied;
}

}  // namespace

Connection::Connection(Socket socket, Peer peer, bool tcp, std::string token,
                       std::shared_ptr<ServerContext> context)
    : socket_(std::move(socket)),
      peer_(peer),
      tcp_(tcp),
      token_(std::move(token)),
      context_(std::move(context)),
      input_(std::make_unique<Input>()) {}

Connection::~Connection() { context_->body_bytes -= reserved_; }

void Connection::expect(Phase phase, std::chrono::milliseconds patience) {
  phase_ = phase;
  deadline_ = std::chrono::steady_clock::now() + patience;
}

void Connection::unlimited(Phase phase) {
  phase_ = phase;
  deadline_ = Time::max();
}

void Connection::sweep(Time now) {
  if (now < deadline_) return;
  deadline_ = Time::max();
  expired_ = true;
  error_code ignored;
  if (phase_ == Phase::reading) {
    socket_.cancel(ignored);  // there is still a 408 to send
  } else {
    cut_off();
  }
}

void Connection::finish() {
  if (phase_ == Phase::idle) cut_off();
  if (subscriber_) subscriber_->close();
}

void Connection::cut_off() {
  error_code ignored;
  socket_.close(ignored);
}

asio::awaitable<void> Connection::serve() {
  try {
    for (bool more = true; more && !context_->stopping;) more = co_await exchange();
  } catch (const boost::system::system_error&) {
    // The client went away, or ran out of time.
  } catch (const std::exception& bug) {
    observe(nullptr, 500, {}, bug.what());
  }
  cut_off();
}

/// False when the client is done.
asio::awaitable<bool> Connection::first_byte() {
  if (input_->size() > 0) co_return true;
  expect(Phase::idle, context_->limits.idle_time);
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const std::size_t size = co_await socket_.async_read_some(input_->prepare(kReadSize), token);
  input_->commit(size);
  co_return !error && size > 0;
}

/// One request and its answer. False when the connection is over.
asio::awaitable<bool> Connection::exchange() {
  const bool there = co_await first_byte();
  if (!there) co_return false;
  expect(Phase::reading, context_->limits.header_time);
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(context_->limits.header));
  parser.body_limit(context_->limits.body);
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await http::async_read_header(socket_, *input_, parser, token);
  if (error) {
    auto refusal = parse_refusal(error);
    if (expired_) refusal = plain_error(408, {Errc::unavailable, "the request's header took too long"});
    if (!refusal) co_return false;
    co_return co_await refuse(std::move(*refusal), kUnread);
  }
  Prepared prepared = prepare(parser);
  const bool has_body = parser.chunked() || parser.content_length().value_or(0) > 0;
  const Ending ending{parser.keep_alive(), has_body, prepared.request.method == Method::head};
  if (prepared.refusal) {
    observe(prepared.route, prepared.refusal->status, {}, {});
    co_return co_await refuse(std::move(*prepared.refusal), ending);
  }
  if (has_body) {
    const bool complete = co_await read_body(parser, prepared.request);
    if (!complete) co_return false;
  }
  co_return co_await answer(*prepared.route, std::move(prepared.request), ending);
}

/// What the header says, and the route or the refusal that follows from it.
Connection::Prepared Connection::prepare(const Parser& parser) const {
  Prepared prepared;
  Request& request = prepared.request;
  const auto& message = parser.get();
  request.method = method_of(message.method());
  request.peer = peer_;
  const std::string_view target = view(message.target());
  const auto question = std::min(target.find('?'), target.size());
  request.path = target.substr(0, question);
  prepared.refusal = admit(parser);
  if (prepared.refusal) return prepared;
  auto matched = context_->router.match(request.method, request.path, peer_.role);
  if (auto* refusal = std::get_if<Response>(&matched)) {
    prepared.refusal = std::move(*refusal);
    return prepared;
  }
  auto& match = std::get<Router::Match>(matched);
  prepared.route = match.route;
  request.parts = std::move(match.parts);
  auto query = parse_query(target.substr(std::min(question + 1, target.size())));
  if (!query) {
    prepared.refusal = error_response({Errc::invalid, "the query is not percent-encoded properly"});
    return prepared;
  }
  request.query = std::move(*query);
  request.headers = copy_fields(message);
  return prepared;
}

asio::awaitable<bool> Connection::answer(const Route& route, Request request, Ending ending) {
  unlimited(Phase::answering);
  auto work = handle(route, std::move(request));
  const Response response = co_await std::move(work);
  const bool stay = ending.keep_alive && !response.events && !context_->stopping;
  co_await write(response, stay, ending.head);
  if (response.events && !ending.head) co_await stream(response.events);
  release_body();
  co_return stay;
}

/// Sends a response before the request's body was read. The rest of the connection is unreadable then.
asio::awaitable<bool> Connection::refuse(Response response, Ending ending) {
  const bool stay = ending.keep_alive && !ending.body_unread && !context_->stopping;
  co_await write(response, stay, ending.head);
  if (ending.body_unread) co_await linger();
  co_return stay;
}

std::optional<Response> Connection::admit(const Parser& parser) const {
  if (!tcp_) return std::nullopt;
  const auto& message = parser.get();
  return check_loopback_client(view(message[http::field::host]), view(message[http::field::authorization]),
                               token_);
}

asio::awaitable<Response> Connection::handle(const Route& route, Request request) {
  if (context_->in_flight >= context_->limits.in_flight) {
    observe(&route, 503, {}, {});
    co_return error_response({Errc::unavailable, "more requests than the daemon takes at once: try again"});
  }
  const auto begin = std::chrono::steady_clock::now();
  ++context_->in_flight;
  Response response;
  std::string bug;
  try {
    const HangUp hang_up(socket_);
    request.gone = hang_up.token();
    auto work = route.handler(std::move(request));
    response = co_await std::move(work);
  } catch (const Failure& failure) {
    response = error_response(failure.error());
  } catch (const std::exception& exception) {
    bug = exception.what();  // into the log, not to the client
    response = error_response({Errc::internal, "the daemon failed on this request: see its log"});
  }
  --context_->in_flight;
  observe(&route, response.status, std::chrono::steady_clock::now() - begin, bug);
  co_return response;
}

asio::awaitable<void> Connection::write(const Response& response, bool keep_alive, bool head) {
  head_.clear();
  head_.append("HTTP/1.1 ")
      .append(std::to_string(response.status))
      .append(" ")
      .append(reason(response.status));
  head_.append("\r\nContent-Type: ").append(response.content_type);
  if (!response.events) head_.append("\r\nContent-Length: ").append(std::to_string(response.body.size()));
  for (const auto& [name, value] : response.headers)
    head_.append("\r\n").append(name).append(": ").append(value);
  head_.append(keep_alive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n");
  expect(Phase::answering, context_->limits.write_time);
  const std::string_view body = head ? std::string_view() : response.body;
  const std::array<asio::const_buffer, 2> buffers{asio::buffer(head_), asio::buffer(body)};
  co_await asio::async_write(socket_, buffers, asio::use_awaitable);
}

asio::awaitable<void> Connection::stream(std::shared_ptr<Subscriber> subscriber) {
  subscriber_ = subscriber;
  if (context_->stopping) subscriber->close();
  // The client has nothing more to say: what becomes readable is its end.
  auto gone = [subscriber](const error_code&) { subscriber->close(); };
  socket_.async_wait(Socket::wait_read, gone);
  for (;;) {
    unlimited(Phase::streaming);
    const auto text = co_await subscriber->next(context_->limits.heartbeat);
    if (!text) break;
    expect(Phase::streaming, context_->limits.write_time);
    co_await asio::async_write(socket_, asio::buffer(*text), asio::use_awaitable);
  }
  subscriber_.reset();
}

void Connection::observe(const Route* route, unsigned status, std::chrono::nanoseconds duration,
                         std::string_view bug) {
  if (!context_->observer) return;
  const Exchange exchange{route, peer_, status, duration, bug};
  context_->observer(exchange);
}

}  // namespace dormouse::daemon
