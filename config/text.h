#pragma once

#include <charconv>
#include <concepts>
#include <functional>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

/// Small words of text: what a command line, a table or a path is made of.
namespace dormouse::config {

/// The whole of `text` as a number in C's notation, whatever the locale; nothing when it is none, when more
/// stands behind it or when it does not fit.
template <class T>
requires std::integral<T> || std::floating_point<T> std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// What stands between separators: one part more than there are of these. The parts live in `text`.
std::vector<std::string_view> split(std::string_view text, char separator);
/// The same as strings of their own; no text has no parts.
std::vector<std::string> split_list(std::string_view text, char separator = ',');

/// One more item of a list that a person reads.
void list(std::string& text, std::string_view item, std::string_view separator = ", ");
/// "this, that, those": `name` tells each item's own word.
template <std::ranges::input_range Items, class Name = std::identity>
std::string join(Items&& items, Name name = {}) {
  std::string text;
  for (const auto& item : items) list(text, std::invoke(name, item));
  return text;
}

}  // namespace dormouse::config
