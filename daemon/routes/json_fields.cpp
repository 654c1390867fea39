#include "daemon/routes/json_fields.h"

#include <boost/json/value.hpp>

#include "config/scalars.h"
#include "config/text.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;

Failure wrong(std::string_view name, std::string_view expected) {
  return {Errc::invalid, std::string(name) + ": expected " + std::string(expected)};
}

}  // namespace

std::string text_field(const json::object& body, std::string_view name, std::optional<std::string> fallback) {
  const json::value* value = body.if_contains(name);
  if (!value && fallback) return *fallback;
  if (!value || !value->is_string()) throw wrong(name, "a string");
  return std::string(value->get_string());
}

bool flag_field(const json::object& body, std::string_view name) {
  const json::value* value = body.if_contains(name);
  if (!value) return false;
  if (!value->is_bool()) throw wrong(name, "true or false");
  return value->get_bool();
}

std::uint64_t id_field(const json::object& body, std::string_view name,
                       std::optional<std::uint64_t> fallback) {
  const json::value* value = body.if_contains(name);
  if (!value && fallback) return *fallback;
  boost::system::error_code error;
  const std::uint64_t number = value ? value->to_number<std::uint64_t>(error) : 0;
  if (!value || error) throw wrong(name, "a whole number, 0 or above");
  return number;
}

std::optional<double> seconds_field(const json::object& body, std::string_view name) {
  const json::value* value = body.if_contains(name);
  if (!value) return std::nullopt;
  double seconds = 0;
  if (value->is_number()) {
    seconds = value->to_number<double>();
  } else if (const json::string* text = value->if_string()) {
    config::Node node;
    node.kind = config::Node::Kind::scalar;
    node.path = std::string(name);
    node.text = std::string(*text);
    try {
      seconds =
          std::chrono::duration<double>(config::read_duration(node, {}, std::chrono::hours(24))).count();
    } catch (const Failure&) {  // it speaks of a configuration file
      seconds = 0;
    }
  }
  if (!(seconds > 0)) throw wrong(name, "seconds above 0, or a duration like 10min");
  return seconds;
}

bool clip_flag(const json::object& body) {
  const json::value* parameters = body.if_contains("parameters");
  if (!parameters) return false;
  if (!parameters->is_object()) throw wrong("parameters", "an object");
  return flag_field(parameters->get_object(), "clip");
}

std::uint64_t id_text(std::string_view text, std::string_view what) {
  if (const auto number = config::parse_number<std::uint64_t>(text)) return *number;
  throw wrong(what, "a whole number");
}

}  // namespace dormouse::daemon
