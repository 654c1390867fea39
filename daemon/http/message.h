#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/error.h"
#include "engine/tensor.h"

/// What handlers see of HTTP: plain values, no parser types.
namespace dormouse::daemon {

class Subscriber;

/// What a caller may do follows from the socket it came through: `user` infers, teaches and reads; `admin`
/// also loads, rolls back, forgets, sleeps and reloads.
enum class Role { user, admin };

enum class Method { get, head, post, put, del, other };

std::string_view word(Method method);

/// Who is at the other end; ids are -1 where the kernel does not say (TCP).
struct Peer {
  Role role = Role::user;
  pid_t pid = -1;
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
};

/// Name and value pairs in order; a handful, so looked up linearly.
using Fields = std::vector<std::pair<std::string, std::string>>;

/// The value of the first field called `name`, compared without regard to ASCII case.
const std::string* find_field(const Fields& fields, std::string_view name);

struct Request {
  Method method = Method::get;
  std::string path;  ///< as sent, still percent-encoded, without the query
  Fields parts;      ///< what the route's {placeholders} matched, decoded
  Fields query;      ///< decoded; "?a&b=1" gives {a, ""} and {b, 1}
  Fields headers;
  /// The body lies at the start of a 64-byte aligned buffer, so tensors can be views on it. Null when there
  /// is none.
  std::shared_ptr<engine::Buffer> buffer;
  std::size_t body_size = 0;
  Peer peer;
  std::stop_token gone = {};  ///< requested on the io thread when the client hung up

  std::string_view body() const {
    return buffer ? std::string_view(reinterpret_cast<const char*>(buffer->data()), body_size)
                  : std::string_view();
  }
  /// What {name} of the route matched; ensure()s that the route has it.
  const std::string& part(std::string_view name) const;
  const std::string* header(std::string_view name) const { return find_field(headers, name); }
  /// The query parameter `name`, if given.
  const std::string* parameter(std::string_view name) const;
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  Fields headers;  ///< besides Content-Type, Content-Length and Connection
  /// When set, `body` is sent first and then every event as it comes, until either side closes.
  std::shared_ptr<Subscriber> events;
};

Response json_response(std::string body, unsigned status = 200);

/// The HTTP status that an error of this kind answers with.
unsigned status_of(Errc code);

/// `{"error": text, "code": word, "field"?: path}`; 503 carries Retry-After.
Response error_response(const Error& error, std::string_view field = "");

/// Decodes %XX, and '+' as a space where asked (queries). Nothing when malformed or when it hides a NUL.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

/// Encodes everything but unreserved characters, so that the result is one path segment or query value.
std::string percent_encode(std::string_view text);

/// Splits and decodes what follows the '?'. Nothing when malformed.
std::optional<Fields> parse_query(std::string_view text);

}  // namespace dormouse::daemon
