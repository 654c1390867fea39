#pragma once

#include <span>

#include "engine/driver.h"

namespace dormouse::drivers {

/// The compute drivers that work on this machine, best first. They live as long as the process.
std::span<const engine::Driver* const> all_drivers();

}  // namespace dormouse::drivers
