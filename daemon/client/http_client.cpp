#include "daemon/client/http_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t kReadSize = 64u << 10;
constexpr std::uint64_t kLargestReply = 256u << 20;

[[noreturn]] void broken(const std::string& path, const std::string& why) {
  throw Failure(Errc::io, "the connection to the daemon at " + path + " broke: " + why);
}

Reply reply_of(http::response_parser<http::string_body>& parser) {
  auto& message = parser.get();
  Reply reply;
  reply.status = message.result_int();
  for (const auto& field : message) {
    reply.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  reply.body = std::move(message.body());
  return reply;
}

/// Takes one line off the front of `text`; nothing when none is complete.
std::optional<std::string> take_line(std::string& text) {
  const auto end = text.find('\n');
  if (end == text.npos) return std::nullopt;
  std::string line = text.substr(0, end);
  text.erase(0, end + 1);
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

/// Collects the lines of server-sent events.
class EventReader {
 public:
  /// The event that an empty line ends.
  std::optional<HttpClient::Event> take(std::string_view line) {
    if (line.empty()) {
      const bool complete = std::exchange(has_data_, false);
      return complete ? std::optional(std::exchange(event_, {})) : std::nullopt;
    }
    const auto colon = std::min(line.find(':'), line.size());
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (line.substr(0, colon) == "event") event_.type = value;
    if (line.substr(0, colon) == "data") {
      if (std::exchange(has_data_, true)) event_.data += '\n';
      event_.data += value;
    }
    return std::nullopt;
  }

 private:
  HttpClient::Event event_;
  bool has_data_ = false;
};

}  // namespace

HttpClient::HttpClient(std::string socket_path, std::chrono::milliseconds patience)
    : path_(std::move(socket_path)), patience_(patience) {}

HttpClient::~HttpClient() { disconnect(); }

HttpClient::HttpClient(HttpClient&& other) noexcept
    : path_(std::move(other.path_)),
      patience_(other.patience_),
      descriptor_(std::exchange(other.descriptor_, -1)),
      buffered_(std::move(other.buffered_)) {}

void HttpClient::disconnect() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  buffered_.clear();
}

void HttpClient::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const bool fits = !path_.empty() && path_.size() < sizeof(address.sun_path);
  path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  descriptor_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) broken(path_, std::strerror(errno));
  if (fits && ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0)
    return;
  const int why = errno;
  disconnect();
  if (fits && why == EACCES) {
    throw Failure(Errc::denied, "you may not use " + path_ + ": join its group (dormouse-users)");
  }
  throw Unreachable("cannot reach the daemon at " + path_ + ": is it running? (dormouse serve --config …)");
}

void HttpClient::write(const Call& call) {
  std::string head(call.method);
  head.append(" ").append(call.target).append(" HTTP/1.1\r\nHost: dormouse\r\n");
  for (const auto& [name, value] : call.headers) head.append(name).append(": ").append(value).append("\r\n");
  if (!call.body.empty() || call.method != "GET") {
    head.append("Content-Type: ").append(call.content_type).append("\r\nContent-Length: ");
    head.append(std::to_string(call.body.size())).append("\r\n");
  }
  head.append("\r\n");
  for (std::string_view part : {std::string_view(head), call.body}) {
    while (!part.empty()) {
      const auto sent = ::send(descriptor_, part.data(), part.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) return;  // refused half-way: the reply, if there is one, says why
      part.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
}

HttpClient::Received HttpClient::receive() {
  pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
  int ready = -1;
  do {
    ready = ::poll(&waiting, 1, static_cast<int>(patience_.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return Received::silence;
  const std::size_t before = buffered_.size();
  buffered_.resize(before + kReadSize);
  const auto size = ::recv(descriptor_, buffered_.data() + before, kReadSize, 0);
  buffered_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return size > 0 ? Received::more : Received::end;
}

bool HttpClient::receive_or_fail() {
  const Received received = receive();
  if (received != Received::silence) return received == Received::more;
  disconnect();
  throw Failure(Errc::unavailable, "the daemon at " + path_ + " says nothing");
}

Reply HttpClient::read_reply(bool header_only) {
  http::response_parser<http::string_body> parser;
  parser.body_limit(kLargestReply);
  parser.eager(!header_only);
  error_code error;
  const auto complete = [&] { return header_only ? parser.is_header_done() : parser.is_done(); };
  while (!complete()) {
    const std::size_t used = buffered_.empty() ? 0 : parser.put(asio::buffer(buffered_), error);
    buffered_.erase(0, used);
    if (error && error != http::error::need_more)
      throw Failure(Errc::corrupt, path_ + " does not speak HTTP");
    error = {};
    if (complete()) break;
    if (used > 0 && !buffered_.empty()) continue;
    if (receive_or_fail()) continue;
    if (!parser.got_some()) broken(path_, "no reply");
    parser.put_eof(error);
    if (error) broken(path_, "half a reply");
  }
  const bool keep_alive = parser.keep_alive();
  Reply reply = reply_of(parser);
  if (!keep_alive && !header_only) disconnect();
  return reply;
}

Reply HttpClient::send(const Call& call) {
  if (descriptor_ < 0) connect();
  write(call);
  return read_reply(false);
}

/// The body of a reply whose header was read.
Reply HttpClient::read_refusal(Reply header) {
  const std::string* length = header.header("Content-Length");
  const std::size_t size = length ? std::strtoul(length->c_str(), nullptr, 10) : 0;
  while (buffered_.size() < size && receive_or_fail()) {
  }
  header.body = std::exchange(buffered_, {});
  disconnect();
  return header;
}

std::optional<Reply> HttpClient::events(const Call& call, const Listener& listener) {
  disconnect();
  connect();
  write(call);
  Reply header = read_reply(true);
  if (header.status != 200) return read_refusal(std::move(header));
  if (listener.opened) listener.opened();
  EventReader reader;
  for (Received received = Received::more; received != Received::end;) {
    while (const auto line = take_line(buffered_)) {
      const auto event = reader.take(*line);
      if (event && !listener.take(*event)) return disconnect(), std::nullopt;
    }
    received = listener.silent ? receive() : (receive_or_fail() ? Received::more : Received::end);
    if (received == Received::silence && !listener.silent()) break;
  }
  disconnect();
  return std::nullopt;
}

}  // namespace dormouse::daemon
