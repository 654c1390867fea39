#include "daemon/verbs/moment.h"

#include <charconv>
#include <ctime>
#include <optional>

#include "daemon/verbs/verb.h"

namespace dormouse::daemon {
namespace {

std::optional<std::int64_t> seconds_ago(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc{} || number < 0) return std::nullopt;
  const std::string_view unit(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr));
  constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86'400}};
  for (const auto& [name, seconds] : kUnits)
    if (unit == name && number <= INT64_C(1'000'000'000) / seconds) return number * seconds;
  return std::nullopt;
}

std::optional<std::int64_t> calendar(std::string text) {
  const bool utc = text.ends_with('Z');
  if (utc) text.pop_back();
  for (const char* format :
       {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    std::tm parts{};
    parts.tm_isdst = -1;
    const char* end = ::strptime(text.c_str(), format, &parts);
    if (end == nullptr || *end != '\0') continue;
    return utc ? ::timegm(&parts) : std::mktime(&parts);
  }
  return std::nullopt;
}

}  // namespace

std::int64_t parse_moment(const std::string& text, std::string_view option, Clock::Wall now) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (const auto ago = seconds_ago(text)) return seconds - *ago;
  if (const auto at = calendar(text); at && *at >= 0) return *at;
  throw UsageError{"--" + std::string(option) +
                   " must be a time like 2026-05-01, '2026-05-01 13:30' or 2h, not '" + text + "'"};
}

}  // namespace dormouse::daemon
