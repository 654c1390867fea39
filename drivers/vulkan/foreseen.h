#pragma once

#include "drivers/vulkan/constants.h"
#include "engine/driver.h"

namespace dormouse::drivers::vulkan {

class Tuner;

/// Bytes that a partition takes on a device, and while it comes and goes. Where it is not yet known how a
/// product is best cut, the most that it may come to.
struct Foreseen {
  std::size_t weights = 0;  ///< constants, as f32
  std::size_t missing = 0;  ///< of these, what is not there yet
  std::size_t arena = 0;
  std::size_t carried = 0;  ///< inputs and outputs
  std::size_t kept = 0;     ///< by a training step, of what it is given again
  bool tuned = true;        ///< nothing about how its products are cut is still to be measured
};

/// Takes none of it.
Foreseen foresee(const engine::Partition& partition, Device& device, Constants& constants, Tuner& tuner);

}  // namespace dormouse::drivers::vulkan
