#pragma once

#include <optional>
#include <string_view>

#include "daemon/http/message.h"

namespace dormouse::daemon {

/// What a client over TCP must show before anything else: a Host header that names this machine (else a web
/// page could reach us through a name made to resolve here) and "Authorization: Bearer `token`". Gives the
/// refusal, or nothing.
std::optional<Response> check_loopback_client(std::string_view host, std::string_view authorization,
                                              std::string_view token);

}  // namespace dormouse::daemon
