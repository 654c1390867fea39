#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/http/message.h"

namespace dormouse::daemon {

/// Answers a request. Runs on the io thread: anything slow belongs behind `co_await run_on(pool, work)`. A
/// thrown Failure becomes the error response of its kind; any other exception a 500.
using Handler = std::function<boost::asio::awaitable<Response>(Request)>;

struct Route {
  Method method;
  std::string pattern;  ///< "/v2/models/{m}/infer": {placeholders} match one non-empty segment
  Role role;            ///< the least role that may
  Handler handler;
};

/// The table of what the daemon answers.
///
/// A literal segment beats a placeholder, so "/v2/models/stats" and "/v2/models/{m}" live side by side. HEAD
/// is answered by the route of GET. Filled at start, read by the io thread.
class Router {
 public:
  struct Match {
    const Route* route;
    Fields parts;
  };

  /// ensure()s that method and pattern are new.
  void add(Method method, std::string pattern, Handler handler, Role role = Role::user);
  /// The route, or the response that refuses: 404, 405 with Allow, 400 for bad percent-encoding, 403 for the
  /// role.
  std::variant<Match, Response> match(Method method, std::string_view path, Role role) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
  std::vector<std::vector<std::string>> segments_;  ///< of each route's pattern
};

}  // namespace dormouse::daemon
