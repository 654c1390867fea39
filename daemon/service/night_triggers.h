#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "config/clock.h"

namespace dormouse::daemon {

struct NightOptions;

/// A time of day from `begin` to `end`, in minutes since local midnight; it may cross midnight.
struct NightWindow {
  std::chrono::minutes begin{};
  std::chrono::minutes end{};

  bool contains(std::chrono::minutes time_of_day) const;
};

/// "01:00-05:00". Nothing when it is none, or empty.
std::optional<NightWindow> parse_window(std::string_view text);
/// "01:00"
std::string clock_text(std::chrono::minutes time_of_day);
/// Minutes since local midnight.
std::chrono::minutes local_time_of_day(Clock::Wall time);

/// What decides whether a night begins by itself.
struct Circumstances {
  std::size_t fresh_labels = 0;        ///< of the model, since it last slept
  std::chrono::nanoseconds unused{};   ///< since the last request
  std::chrono::minutes time_of_day{};  ///< local
  bool on_battery = false;
  std::optional<double> temperature = {};  ///< °C
};

/// Why no night begins by itself now, for people ("74 of 200 labels", "waits for 01:00"); nothing when one
/// does. It begins when all that is configured holds; with neither `idle` nor `window` only on demand.
std::optional<std::string> why_awake(const NightOptions& options, const Circumstances& now);

/// Why none may begin, not even on demand, nor go on.
std::optional<std::string> why_unfit(const NightOptions& options, bool on_battery);

/// Too hot to work; once it was, it has to cool by five degrees.
bool too_hot(const NightOptions& options, std::optional<double> temperature, bool was_hot);

}  // namespace dormouse::daemon
