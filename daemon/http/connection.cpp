#include "daemon/http/connection.h"

#include <algorithm>
#include <array>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <cstring>
#include <variant>

#include "daemon/http/event_stream.h"
#include "daemon/http/loopback.h"

namespace dormouse::daemon {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t kReadSize = 16u << 10;
constexpr std::size_t kKeptBody = 64u << 10;  // larger bodies are given back after the request
constexpr std::size_t kLingered =
    64u << 20;  // of a refused body, read so that the client gets to see the refusal
constexpr std::chrono::milliseconds kLingerTime{2'000};

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

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

Response plain_error(unsigned status, Error error) {
  Response response = error_response(error);
  response.status = status;
  return response;
}

/// What the parser's complaint answers; nothing when the client is simply gone.
std::optional<Response> parse_refusal(const error_code& error) {
  if (error == http::error::header_limit) {
    return plain_error(431, {Errc::too_large, "the request's header is too large"});
  }
  if (error == http::error::body_limit)
    return error_response({Errc::too_large, "the request's body is too large"});
  if (error == http::error::end_of_stream || error == http::error::partial_message) return std::nullopt;
  if (error.category() == http::make_error_code(http::error::bad_method).category()) {
    return error_response({Errc::invalid, "this is not HTTP/1.1: " + error.message()});
  }
  return std::nullopt;
}

Fields copy_fields(const http::fields& fields) {
  Fields copied;
  for (const auto& field : fields) {
    copied.emplace_back(std::string(view(field.name_string())), std::string(view(field.value())));
  }
  return copied;
}

}  // namespace

struct Connection::Parser : http::request_parser<http::buffer_body> {};
struct Connection::Input : beast::flat_buffer {};

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
    co_return co_await refuse(std::move(*refusal), false, true);
  }

  Request request;
  const auto& message = parser.get();
  const bool keep_alive = parser.keep_alive();
  const bool has_body = parser.chunked() || parser.content_length().value_or(0) > 0;
  request.method = method_of(message.method());
  request.peer = peer_;
  const std::string_view target = view(message.target());
  const auto question = std::min(target.find('?'), target.size());
  request.path = target.substr(0, question);
  auto query = parse_query(target.substr(std::min(question + 1, target.size())));

  auto refusal = admit(parser);
  if (!refusal && !query)
    refusal = error_response({Errc::invalid, "the query is not percent-encoded properly"});
  const Route* route = nullptr;
  if (!refusal) {
    auto matched = context_->router.match(request.method, request.path, peer_.role);
    if (auto* match = std::get_if<Router::Match>(&matched)) {
      route = match->route;
      request.parts = std::move(match->parts);
    } else {
      refusal = std::move(std::get<Response>(matched));
    }
  }
  if (refusal) {
    observe(route, refusal->status, {}, {});
    co_return co_await refuse(std::move(*refusal), keep_alive, has_body);
  }
  request.query = std::move(*query);
  request.headers = copy_fields(message);
  if (has_body) {
    const bool complete = co_await read_body(parser, request);
    if (!complete) co_return false;
  }
  unlimited(Phase::answering);
  const bool head = request.method == Method::head;
  auto work = handle(*route, std::move(request));
  const Response response = co_await std::move(work);
  const bool stay = keep_alive && !response.events && !context_->stopping;
  co_await write(response, stay, head);
  if (response.events && !head) co_await stream(response.events);
  release_body();
  co_return stay;
}

/// Sends a response before the request's body was read. The rest of the connection is unreadable then.
asio::awaitable<bool> Connection::refuse(Response response, bool keep_alive, bool body_unread) {
  const bool stay = keep_alive && !body_unread && !context_->stopping;
  co_await write(response, stay, false);
  if (body_unread) co_await linger();
  co_return stay;
}

std::optional<Response> Connection::admit(const Parser& parser) const {
  if (!tcp_) return std::nullopt;
  const auto& message = parser.get();
  return check_loopback_client(view(message[http::field::host]), view(message[http::field::authorization]),
                               token_);
}

/// False when it was refused or the client went away.
asio::awaitable<bool> Connection::read_body(Parser& parser, Request& request) {
  const std::size_t size = parser.chunked() ? 0 : static_cast<std::size_t>(*parser.content_length());
  if (!reserve(size)) {
    auto response = error_response({Errc::unavailable, "too many large requests at once"});
    co_return co_await refuse(std::move(response), false, true);
  }
  if (parser.get()[http::field::expect] == "100-continue") {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    co_await asio::async_write(socket_, asio::buffer(kContinue), asio::use_awaitable);
  }
  expect(Phase::reading, context_->limits.body_time);
  const bool complete =
      parser.chunked() ? co_await read_chunked(parser, request) : co_await read_sized(size, request);
  if (!complete && expired_) {
    auto response = plain_error(408, {Errc::unavailable, "the request's body took too long"});
    co_await refuse(std::move(response), false, true);
  }
  co_return complete;
}

asio::awaitable<bool> Connection::read_sized(std::size_t size, Request& request) {
  // Whoever keeps a view on the last body (an inference that runs on) keeps its buffer: take a new one then.
  if (!body_ || body_.use_count() > 1 || body_->size() < size)
    body_ = engine::Buffer::allocate(std::max(size, kReadSize));
  const std::size_t here = std::min(size, input_->size());
  std::byte* bytes = body_->writable_data();
  std::memcpy(bytes, input_->data().data(), here);
  input_->consume(here);
  error_code error;
  if (here < size) {
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await asio::async_read(socket_, asio::buffer(bytes + here, size - here), token);
  }
  request.buffer = body_;
  request.body_size = size;
  co_return !error;
}

asio::awaitable<bool> Connection::read_chunked(Parser& parser, Request& request) {
  std::size_t chunks = 0;
  auto count = [&](std::uint64_t, beast::string_view, error_code& error) {
    if (++chunks > context_->limits.chunks) error = http::error::body_limit;
  };
  parser.on_chunk_header(count);
  std::string collected;
  std::array<char, 4096> piece;
  error_code error;
  while (!parser.is_done()) {
    parser.get().body().data = piece.data();
    parser.get().body().size = piece.size();
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await http::async_read(socket_, *input_, parser, token);
    if (error == http::error::need_buffer) error = {};
    if (error) break;
    const std::size_t size = piece.size() - parser.get().body().size;
    if (!reserve(size)) {
      auto response = error_response({Errc::unavailable, "too many large requests at once"});
      co_return co_await refuse(std::move(response), false, true);
    }
    collected.append(piece.data(), size);
  }
  if (error) {
    auto refusal = parse_refusal(error);
    if (refusal) co_await refuse(std::move(*refusal), false, true);
    co_return false;
  }
  request.buffer = engine::Buffer::allocate(std::max<std::size_t>(collected.size(), 1));
  std::memcpy(request.buffer->writable_data(), collected.data(), collected.size());
  request.body_size = collected.size();
  co_return true;
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

/// Closing with unread bytes would reset the connection and take the response with it.
asio::awaitable<void> Connection::linger() {
  error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  expect(Phase::answering, kLingerTime);
  auto token = asio::redirect_error(asio::use_awaitable, error);
  input_->clear();
  for (std::size_t total = 0; !error && total < kLingered;) {
    total += co_await socket_.async_read_some(input_->prepare(kReadSize), token);
  }
}

bool Connection::reserve(std::size_t bytes) {
  if (context_->body_bytes + bytes > context_->limits.bodies) return false;
  context_->body_bytes += bytes;
  reserved_ += bytes;
  return true;
}

void Connection::release_body() {
  context_->body_bytes -= std::exchange(reserved_, 0);
  if (body_ && body_->size() > kKeptBody) body_.reset();
}

void Connection::observe(const Route* route, unsigned status, std::chrono::nanoseconds duration,
                         std::string_view bug) {
  if (!context_->observer) return;
  const Exchange exchange{route, peer_, status, duration, bug};
  context_->observer(exchange);
}

}  // namespace dormouse::daemon
