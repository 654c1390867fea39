#include "daemon/http/router.h"

#include <catch2/catch.hpp>

namespace dormouse::daemon {
namespace {

boost::asio::awaitable<Response> nothing(Request) { co_return Response{}; }

std::string matched(const Router& router, Method method, std::string_view path) {
  const auto result = router.match(method, path, Role::user);
  if (const auto* match = std::get_if<Router::Match>(&result)) return match->route->pattern;
  return std::to_string(std::get<Response>(result).status);
}

TEST_CASE("a literal segment beats a placeholder wherever it is listed", "[http]") {
  Router router;
  router.add(Method::get, "/v2/models/{m}", nothing);
  router.add(Method::get, "/v2/models/stats", nothing);
  router.add(Method::post, "/v2/models/{m}/infer", nothing);
  router.add(Method::post, "/v2/models/{m}/versions/{v}/infer", nothing);
  router.add(Method::get, "/", nothing);
  CHECK(matched(router, Method::get, "/v2/models/stats") == "/v2/models/stats");
  CHECK(matched(router, Method::get, "/v2/models/other") == "/v2/models/{m}");
  CHECK(matched(router, Method::head, "/v2/models/other") == "/v2/models/{m}");
  CHECK(matched(router, Method::post, "/v2/models/stats") == "405");
  CHECK(matched(router, Method::post, "/v2/models/m/versions/3/infer") ==
        "/v2/models/{m}/versions/{v}/infer");
  CHECK(matched(router, Method::get, "/") == "/");
  CHECK(matched(router, Method::get, "") == "404");
  CHECK(matched(router, Method::get, "*") == "404");
  CHECK(matched(router, Method::get, "/v2/models/x/") == "404");
}

TEST_CASE("what the admin socket alone may is refused by what was asked, with the way out", "[http]") {
  Router router;
  router.add(Method::post, "/v1/models/{m}/router/reset", nothing, Role::admin);
  const auto refused = router.match(Method::post, "/v1/models/words/router/reset", Role::user);
  const Response& response = std::get<Response>(refused);
  CHECK(response.status == 403);
  CHECK_THAT(std::string(response.body), Catch::Contains("POST /v1/models/words/router/reset") &&
                                             Catch::Contains("DORMOUSE_ADMIN_SOCKET"));
  CHECK(std::holds_alternative<Router::Match>(
      router.match(Method::post, "/v1/models/words/router/reset", Role::admin)));
}

TEST_CASE("a placeholder is decoded after the path is split", "[http]") {
  Router router;
  router.add(Method::get, "/m/{name}/v/{version}", nothing);
  const auto result = router.match(Method::get, "/m/a%2Fb/v/%31", Role::user);
  const auto& match = std::get<Router::Match>(result);
  CHECK(match.parts == Fields{{"name", "a/b"}, {"version", "1"}});
}

TEST_CASE("percent-encoding round-trips any bytes but NUL", "[http]") {
  std::string bytes;
  for (int c = 1; c < 256; ++c) bytes.push_back(static_cast<char>(c));
  CHECK(percent_decode(percent_encode(bytes)) == bytes);
  CHECK(percent_encode("a-z_0.~/") == "a-z_0.~%2F");
  for (const char* bad : {"%", "%1", "%g0", "%0g", "abc%", "%00"}) CHECK_FALSE(percent_decode(bad));
}

TEST_CASE("queries keep empty values and decode both sides", "[http]") {
  CHECK(parse_query("a&b=&c=1=2&&d+e=%26") == Fields{{"a", ""}, {"b", ""}, {"c", "1=2"}, {"d e", "&"}});
  CHECK(parse_query("")->empty());
  CHECK_FALSE(parse_query("a=%x"));
}

TEST_CASE("errors have their status, word and field", "[http]") {
  CHECK(error_response({Errc::conflict, "a \"quote\""}).body ==
        R"({"error":"a \"quote\"","code":"conflict"})");
  CHECK(error_response({Errc::invalid, "x"}, "inputs[0]").body ==
        R"({"error":"x","code":"invalid","field":"inputs[0]"})");
  const Response busy = error_response({Errc::unavailable, "later"});
  CHECK(busy.status == 503);
  CHECK(*find_field(busy.headers, "retry-AFTER") == "1");
}

}  // namespace
}  // namespace dormouse::daemon
