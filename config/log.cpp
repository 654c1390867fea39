#include "config/log.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

namespace dormouse {
namespace {

constexpr std::array<std::string_view, 4> kWords = {"error", "warning", "info", "debug"};
constexpr std::array<std::string_view, 4> kPriorities = {"<3>", "<4>", "<6>", "<7>"};  // sd-daemon(3)

Level chosen_level() {
  const char* word = std::getenv("DORMOUSE_LOG");
  for (std::size_t i = 0; word != nullptr && i < kWords.size(); ++i) {
    if (kWords[i] == word) return static_cast<Level>(i);
  }
  return Level::info;
}

void append_escaped(std::string& line, char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x20 && byte != 0x7f) {
    line += c;
    return;
  }
  line += "\\x";
  line += digits[byte >> 4];
  line += digits[byte & 15];
}

}  // namespace

std::string log_line(Level level, std::string_view event, bool journal) {
  const auto index = static_cast<std::size_t>(level);
  std::string line(journal ? kPriorities[index] : std::string_view{});
  if (!journal) line.append(kWords[index]).append(": ");
  for (char c : event) append_escaped(line, c);
  line += '\n';
  return line;
}

void log(Level level, std::string_view event) {
  static const Level last = chosen_level();
  static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  if (level > last) return;
  const std::string line = log_line(level, event, journal);
  // A log that cannot be written has nowhere to say so.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace dormouse
