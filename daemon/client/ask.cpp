#include "daemon/client/ask.h"

#include <array>

#include "daemon/oip/codec.h"

namespace dormouse::daemon {
namespace {

constexpr std::array kCodes{Errc::internal,     Errc::invalid,  Errc::not_found, Errc::unsupported,
                            Errc::corrupt,      Errc::conflict, Errc::gone,      Errc::too_large,
                            Errc::unavailable,  Errc::expired,  Errc::denied,    Errc::io,
                            Errc::configuration};

Errc code_of(std::string_view text) {
  for (const Errc code : kCodes) {
    if (dormouse::word(code) == text) return code;
  }
  return Errc::internal;
}

std::string text_at(const boost::json::value& value, std::string_view key) {
  const auto* object = value.if_object();
  const auto* found = object ? object->if_contains({key.data(), key.size()}) : nullptr;
  return found && found->is_string() ? std::string(found->get_string()) : std::string();
}

}  // namespace

void throw_refusal(const Reply& reply) {
  boost::json::value body;
  try {
    body = parse_json(reply.body);
  } catch (const Failure&) {
    throw Failure(Errc::corrupt, "the daemon answered " + std::to_string(reply.status) + " without a reason");
  }
  throw Failure(code_of(text_at(body, "code")), text_at(body, "error"));
}

std::string ask_text(HttpClient& client, const Call& call) {
  Reply reply = client.send(call);
  if (reply.status >= 300) throw_refusal(reply);
  return std::move(reply.body);
}

boost::json::value ask(HttpClient& client, const Call& call) {
  const std::string body = ask_text(client, call);
  if (body.empty()) return nullptr;
  try {
    return parse_json(body);
  } catch (const Failure& failure) {
    throw Failure(Errc::corrupt, "the daemon's reply to " + call.target + " is " + failure.what());
  }
}

Call get(std::string target) { return {.method = "GET", .target = std::move(target)}; }

Call post(std::string target, std::string_view body) {
  return {.method = "POST", .target = std::move(target), .body = body};
}

}  // namespace dormouse::daemon
