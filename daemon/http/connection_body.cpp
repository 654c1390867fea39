#include <algorithm>
#include <array>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <cstring>

#include "daemon/http/connection_parser.h"

namespace dormouse::daemon {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t kKeptBody = 64u << 10;  // larger bodies are given back after the request
constexpr std::size_t kLingered =
    64u << 20;  // of a refused body, read so that the client gets to see the refusal
constexpr std::chrono::milliseconds kLingerTime{2'000};

}  // namespace

Response plain_error(unsigned status, const Error& error) {
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

/// False when it was refused or the client went away.
asio::awaitable<bool> Connection::read_body(Parser& parser, Request& request) {
  const std::size_t size = parser.chunked() ? 0 : static_cast<std::size_t>(*parser.content_length());
  if (!reserve(size)) {
    auto response = error_response({Errc::unavailable, "too many large requests at once"});
    co_return co_await refuse(std::move(response), kUnread);
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
    co_await refuse(std::move(response), kUnread);
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
      co_return co_await refuse(std::move(response), kUnread);
    }
    collected.append(piece.data(), size);
  }
  if (error) {
    auto refusal = parse_refusal(error);
    if (refusal) co_await refuse(std::move(*refusal), kUnread);
    co_return false;
  }
  request.buffer = engine::Buffer::allocate(std::max<std::size_t>(collected.size(), 1));
  std::memcpy(request.buffer->writable_data(), collected.data(), collected.size());
  request.body_size = collected.size();
  co_return true;
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

}  // namespace dormouse::daemon
