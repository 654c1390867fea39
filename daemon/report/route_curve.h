#pragma once

#include <string>

#include "hrm/replay.h"

namespace dormouse::daemon {

/// Accuracy over compute of the ways to route a trace, as one SVG file that needs nothing else.
std::string route_curve(const hrm::Replay& replay, const std::string& title);

}  // namespace dormouse::daemon
