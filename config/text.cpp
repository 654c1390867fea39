#include "config/text.h"

namespace dormouse::config {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string> split_list(std::string_view text, char separator) {
  if (text.empty()) return {};
  const std::vector<std::string_view> parts = split(text, separator);
  return {parts.begin(), parts.end()};
}

void list(std::string& text, std::string_view item, std::string_view separator) {
  if (!text.empty()) text += separator;
  text += item;
}

}  // namespace dormouse::config
