#pragma once

#include <optional>
#include <span>
#include <string>

#include "daemon/http/event_stream.h"
#include "memory/working.h"

namespace dormouse::daemon {

/// Why a provisional answer is not finished while so many others are; nothing: it may be.
std::optional<std::string> why_unfinished(std::size_t others, bool stopping);

/// Tells listeners of /v1/events that provisional answers of a request stay such: in one event, since who has
/// too many before him is cut off.
void announce_unfinished(EventStream& events, const std::string& model,
                         std::span<const memory::EpisodeId> episodes, const std::string& error);

}  // namespace dormouse::daemon
