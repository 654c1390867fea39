#include "daemon/service/night_triggers.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "daemon/service/options.h"

namespace dormouse::daemon {
namespace {

using std::chrono::minutes;

constexpr minutes kDay = std::chrono::hours(24);
constexpr double kCooling = 5;  // °C below the limit before work goes on

/// "HH:MM"
std::optional<minutes> parse_time(std::string_view text) {
  const auto two_digits = [&](std::size_t at) {
    int value = -1;
    const char* const end = text.data() + at + 2;
    return std::from_chars(text.data() + at, end, value).ptr == end ? value : -1;
  };
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const int hour = two_digits(0), minute = two_digits(3);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return std::nullopt;
  return std::chrono::hours(hour) + minutes(minute);
}

/// "7 min", "40 s": rounded down.
std::string rough(std::chrono::nanoseconds time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  return seconds >= 60 ? std::to_string(seconds / 60) + " min" : std::to_string(seconds) + " s";
}

std::string degrees(double temperature) {
  char text[24];
  std::snprintf(text, sizeof text, "%.0f °C", temperature);
  return text;
}

}  // namespace

bool NightWindow::contains(minutes time_of_day) const {
  return begin < end ? begin <= time_of_day && time_of_day < end : begin <= time_of_day || time_of_day < end;
}

std::optional<NightWindow> parse_window(std::string_view text) {
  if (text.size() != 11 || text[5] != '-') return std::nullopt;
  const auto begin = parse_time(text.substr(0, 5)), end = parse_time(text.substr(6));
  if (!begin || !end || *begin == *end) return std::nullopt;
  return NightWindow{*begin, *end};
}

std::string clock_text(minutes time_of_day) {
  char text[16];
  const auto count = static_cast<int>((time_of_day % kDay).count());
  std::snprintf(text, sizeof text, "%02d:%02d", count / 60, count % 60);
  return text;
}

minutes local_time_of_day(Clock::Wall time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return minutes(60 * parts.tm_hour + parts.tm_min);
}

std::optional<std::string> why_awake(const NightOptions& options, const Circumstances& now) {
  if (!options.idle && !options.window)
    return "sleeps when asked (neither sleep.idle nor sleep.window is set)";
  if (now.fresh_labels < options.every)
    return std::to_string(now.fresh_labels) + " of " + std::to_string(options.every) + " labels";
  if (options.window && !options.window->contains(now.time_of_day))
    return "waits for " + clock_text(options.window->begin);
  if (auto unfit = why_unfit(options, now.on_battery)) return unfit;
  if (too_hot(options, now.temperature, false)) return "too hot: " + degrees(*now.temperature);
  if (options.idle && now.unused < *options.idle)
    return "in use: idle for " + rough(now.unused) + " of " + rough(*options.idle);
  return std::nullopt;
}

std::optional<std::string> why_unfit(const NightOptions& options, bool on_battery) {
  if (on_battery && !options.on_battery) return "on battery";
  return std::nullopt;
}

bool too_hot(const NightOptions& options, std::optional<double> temperature, bool was_hot) {
  if (!options.max_temperature || !temperature) return false;
  return *temperature > *options.max_temperature - (was_hot ? kCooling : 0);
}

}  // namespace dormouse::daemon
