#pragma once

#include <cstddef>
#include <optional>

#include "config/scalars.h"
#include "daemon/verbs/verb.h"

/// What options of the command line say a verb may use.
namespace dormouse::daemon {

/// --threads, else 1. Throws UsageError when there are none, or more than 256.
std::size_t threads_of(const Arguments& arguments);

/// --memory, a size such as 64MiB. Throws UsageError when it is none.
std::optional<config::Bytes> memory_of(const Arguments& arguments);

}  // namespace dormouse::daemon
