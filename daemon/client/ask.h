#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "daemon/client/http_client.h"

namespace dormouse::daemon {

/// The body of a reply that is no error. Throws the daemon's own Failure, code and text, otherwise.
std::string ask_text(HttpClient& client, const Call& call);

/// The same, as JSON; an empty body is null. Throws Failure(corrupt) when it is none.
boost::json::value ask(HttpClient& client, const Call& call);

Call get(std::string target);
/// `body` is borrowed until the call is made.
Call post(std::string target, std::string_view body);

/// Throws what an error reply says.
[[noreturn]] void throw_refusal(const Reply& reply);

}  // namespace dormouse::daemon
