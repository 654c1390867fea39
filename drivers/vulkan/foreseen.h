#pragma once

#include "drivers/vulkan/constants.h"
#include "engine/driver.h"

namespace dormouse::drivers::vulkan {

class Tuner;

/// Bytes that a partition takes on a device, and while it comes and goes.
struct Foreseen {
  std::size_t weights = 0;  ///< constants, as f32
  std::size_t missing = 0;  ///< of these, what is not there yet
  std::size_t arena = 0;
  std::size_t carried = 0;  ///< inputs and outputs
  bool tuned = true;        ///< nothing about how its products are cut is still to be measured
};

/// Takes none of it.
Foreseen foresee(const engine::Partition& partition, Device& device, Constants& constants, Tuner& tuner);

}  // namespace dormouse::drivers::vulkan
