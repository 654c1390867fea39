#include "daemon/http/loopback.h"

#include <algorithm>
#include <string>

namespace dormouse::daemon {
namespace {

bool loopback_host(std::string_view host) {
  const auto colon = host.rfind(':');
  if (colon != host.npos && host.find(']', colon) == host.npos) host = host.substr(0, colon);
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

/// Compares in a time that depends on the lengths only.
bool same_secret(std::string_view a, std::string_view b) {
  unsigned difference = a.size() != b.size();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    difference |= static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
  }
  return difference == 0;
}

}  // namespace

std::optional<Response> check_loopback_client(std::string_view host, std::string_view authorization,
                                              std::string_view token) {
  if (!loopback_host(host)) return error_response({Errc::denied, "the Host header names another machine"});
  if (same_secret(authorization, "Bearer " + std::string(token))) return std::nullopt;
  Response response = error_response({Errc::denied, "the token is missing or wrong"});
  response.status = 401;
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace dormouse::daemon
