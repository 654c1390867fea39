#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/http/event_stream.h"
#include "memory/working.h"

namespace dormouse::daemon {

/// Why a provisional answer is not finished while so many others are; nothing: it may be.
std::optional<std::string> why_unfinished(std::size_t others, bool stopping);

/// Provisional answers of a request that nobody finishes, and why the last of them stays one.
struct Unfinished {
  std::vector<memory::EpisodeId> episodes = {};
  std::string why = {};

  void add(memory::EpisodeId episode, std::string because) {
    episodes.push_back(episode);
    why = std::move(because);
  }
};

/// Tells listeners of /v1/events of them: in one event, since who has too many before him is cut off.
void announce_unfinished(EventStream& events, const std::string& model, const Unfinished& left);

}  // namespace dormouse::daemon
