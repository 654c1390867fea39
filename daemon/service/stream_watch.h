#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <span>
#include <vector>

#include "memory/stream_novelty.h"

namespace dormouse::daemon {

/// The most unusual sample of some rows.
struct StreamNews {
  memory::Novelty novelty;
  std::size_t channel = 0;
  std::size_t row = 0;

  /// What it adds to the novelty of the window it is in, in [0, 1]: nothing unless it is an alarm, then
  /// enough for the window to be remembered, and more the stronger it is.
  float importance(float worth_remembering) const;
};

/// Watches the channels of a stream for what was not there before, each by a memory::StreamNovelty of its
/// own.
///
/// The share of false alarms is that of the whole stream: a channel has its part of it. Not thread-safe.
class StreamWatch {
 public:
  explicit StreamWatch(std::size_t channels);

  /// Judges the next rows, interleaved, and remembers them. Alarms come before what is none, then the
  /// strongest; nothing when there are no rows. Throws Failure(invalid) for a value that is not finite.
  std::optional<StreamNews> observe(std::span<const float> rows);

 private:
  std::vector<memory::StreamNovelty> channels_;
};

/// strength, p_value, aspect, channel, row, alarm.
boost::json::object describe(const StreamNews& news);

}  // namespace dormouse::daemon
