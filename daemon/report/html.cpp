#include "daemon/report/html.h"

#include <boost/json.hpp>
#include <cmath>
#include <cstdio>

namespace dormouse::daemon {
namespace {

namespace json = boost::json;

const json::value* member(const json::object& object, std::string_view key) {
  return object.if_contains(json::string_view(key.data(), key.size()));
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

std::string figure(double value, int places) {
  if (!std::isfinite(value)) return "–";
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", places, value);
  std::string text = buffer;
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

std::string percentage(double fraction) { return figure(100 * fraction, 1) + " %"; }

double number_at(const json::object& object, std::string_view key, double otherwise) {
  const json::value* value = member(object, key);
  return value && value->is_number() ? value->to_number<double>() : otherwise;
}

std::string text_at(const json::object& object, std::string_view key) {
  const json::value* value = member(object, key);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

const json::object& object_at(const json::object& object, std::string_view key) {
  static const json::object none;
  const json::value* value = member(object, key);
  return value && value->is_object() ? value->get_object() : none;
}

const json::array& array_at(const json::object& object, std::string_view key) {
  static const json::array none;
  const json::value* value = member(object, key);
  return value && value->is_array() ? value->get_array() : none;
}

}  // namespace dormouse::daemon
