#pragma once

#include <boost/json/array.hpp>
#include <string>

#include "memory/store.h"

namespace dormouse::daemon {

/// All versions of a model as /v1 shows them, the shipped weights (0) first. `active` is in service.
boost::json::array version_list(const memory::Store& store, const std::string& model, std::int64_t active);

}  // namespace dormouse::daemon
