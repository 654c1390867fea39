#pragma once

#include <cstddef>
#include <span>

#include "engine/driver.h"

namespace dormouse::drivers {

/// The compute drivers that work on this machine, best first, with so many threads on one inference. Those of
/// the same number share their threads and packed weights, and live as long as the process. Thread-safe.
std::span<const engine::Driver* const> all_drivers(std::size_t threads = 1);

}  // namespace dormouse::drivers
