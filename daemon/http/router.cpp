#include "daemon/http/router.h"

#include <algorithm>
#include <optional>

#include "config/text.h"

namespace dormouse::daemon {
namespace {

/// What stands behind each slash of an absolute path.
std::vector<std::string_view> segments_of(std::string_view path) {
  return config::split(path.substr(1), '/');
}

bool placeholder(std::string_view segment) { return segment.starts_with('{'); }

std::string_view placeholder_name(std::string_view segment) { return segment.substr(1, segment.size() - 2); }

/// How many literal segments matched; nothing when the path is another.
std::optional<std::size_t> literals(const std::vector<std::string>& pattern,
                                    const std::vector<std::string_view>& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  std::size_t count = 0;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (placeholder(pattern[i]) ? path[i].empty() : pattern[i] != path[i]) return std::nullopt;
    count += !placeholder(pattern[i]);
  }
  return count;
}

Response method_not_allowed(const std::vector<Method>& allowed) {
  std::string list = config::join(allowed, [](Method method) { return word(method); });
  Response response = error_response({Errc::invalid, "this path answers " + list + " only"});
  response.status = 405;
  response.headers.emplace_back("Allow", std::move(list));
  return response;
}

}  // namespace

void Router::add(Method method, std::string pattern, Handler handler, Role role) {
  ensure(pattern.starts_with('/'), "a pattern is an absolute path");
  for (const Route& route : routes_) {
    ensure(route.method != method || route.pattern != pattern, "a route is listed once");
  }
  const auto parts = segments_of(pattern);
  segments_.emplace_back(parts.begin(), parts.end());
  routes_.push_back({method, std::move(pattern), role, std::move(handler)});
}

std::variant<Router::Match, Response> Router::match(Method method, std::string_view path, Role role) const {
  const Method wanted = method == Method::head ? Method::get : method;
  const std::vector<std::string_view> parts =
      path.starts_with('/') ? segments_of(path) : std::vector<std::string_view>{};
  std::vector<Method> allowed;
  std::size_t best = routes_.size();
  std::size_t best_literals = 0;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const auto count = literals(segments_[i], parts);
    if (!count) continue;
    allowed.push_back(routes_[i].method);
    if (routes_[i].method != wanted || (best != routes_.size() && *count <= best_literals)) continue;
    best = i;
    best_literals = *count;
  }
  if (allowed.empty())
    return error_response({Errc::not_found, "nothing lives at " + std::string(path.substr(0, 200))});
  if (best == routes_.size()) return method_not_allowed(allowed);
  const Route& route = routes_[best];
  if (route.role == Role::admin && role != Role::admin) {
    return error_response({Errc::denied, "only the admin socket may " + std::string(word(method)) + " " +
                                             std::string(path.substr(0, 200)) +
                                             ": set DORMOUSE_ADMIN_SOCKET or --socket to the daemon's "
                                             "admin_socket"});
  }
  Match match{&route, {}};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!placeholder(segments_[best][i])) continue;
    auto value = percent_decode(parts[i]);
    if (!value) return error_response({Errc::invalid, "the path is not percent-encoded properly"});
    match.parts.emplace_back(placeholder_name(segments_[best][i]), std::move(*value));
  }
  return match;
}

}  // namespace dormouse::daemon
