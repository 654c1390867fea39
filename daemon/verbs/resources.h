#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "config/scalars.h"
#include "daemon/verbs/verb.h"
#include "drivers/table.h"

/// What options of the command line say a verb may use.
namespace dormouse::daemon {

/// --threads, else 1. Throws UsageError when there are none, or more than 256.
std::size_t threads_of(const Arguments& arguments);

inline constexpr Option kDriverOption{
    "driver", "WORD",
    "what computes: cpu (unless you say), vulkan (a GPU), auto (what was measured to be faster), xnnpack or "
    "reference"};
inline constexpr Option kDeviceOption{
    "device", "WORD",
    "which GPU: discrete, integrated, its number or a part of its name; cpu is Mesa's llvmpipe"};

/// The choice that a word of --driver names. Throws UsageError with those there are, and `more`.
drivers::Choice choice_of(const std::string& word, std::string_view more = "");

/// What --driver and --device choose. With neither, the CPU, and the device that $DORMOUSE_VULKAN_DEVICE
/// names; a device alone means Vulkan. Throws UsageError when --driver is no word of drivers::choice_words().
std::vector<const engine::Driver*> drivers_of(const Arguments& arguments, drivers::TableOptions options);

/// `options` with the device that --device names, and the file where commands keep what was measured.
drivers::TableOptions table_options(const Arguments& arguments, drivers::TableOptions options);

/// --memory, a size such as 64MiB. Throws UsageError when it is none.
std::optional<config::Bytes> memory_of(const Arguments& arguments);

}  // namespace dormouse::daemon
