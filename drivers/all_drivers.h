#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include "engine/driver.h"

namespace dormouse::drivers {

/// The compute drivers that work on this machine, best first, with so many threads on one inference; weights
/// as they want them are kept in files under `packed` (empty: nowhere), which processes share. Drivers of the
/// same arguments share their threads and packed weights, and live as long as the process. Thread-safe.
std::span<const engine::Driver* const> all_drivers(std::size_t threads = 1,
                                                   const std::filesystem::path& packed = {});

/// The same for work that goes on without pause, as training does: threads that wait for more look for it
/// instead of going to sleep, each burning a core, where there are as many.
std::span<const engine::Driver* const> busy_drivers(std::size_t threads);

/// The names of the drivers in this program, whether they work on this machine or not.
std::span<const std::string_view> built_in();

/// Where commands keep packed weights: dormouse/packed under $XDG_CACHE_HOME or ~/.cache; empty without
/// either.
std::filesystem::path cache_folder();

}  // namespace dormouse::drivers
