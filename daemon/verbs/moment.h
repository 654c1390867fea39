#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/clock.h"

namespace dormouse::daemon {

/// A point in time as people write it, in seconds since 1970: "2026-05-01", "2026-05-01 13:30[:05]" (with a T
/// as well, local time unless it ends in Z), or how long ago: "90min", "2h", "3d". Throws UsageError naming
/// `option`.
std::int64_t parse_moment(const std::string& text, std::string_view option, Clock::Wall now);

}  // namespace dormouse::daemon
