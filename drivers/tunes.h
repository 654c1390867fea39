#pragma once

#include "engine/driver.h"

namespace dormouse::drivers {

/// What a driver can be besides: one that finds out, for a while in every plan, how its device is fastest.
/// Thread-safe.
class Tunes {
 public:
  virtual ~Tunes() = default;
  /// Whether a program of this partition is as fast as it gets: this process will find out no more about it.
  virtual bool tuned(const engine::Partition& partition) const = 0;
};

}  // namespace dormouse::drivers
