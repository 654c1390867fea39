#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <vector>

namespace dormouse::daemon {

/// What came of one push.
struct Pushed {
  std::size_t accepted = 0;                  ///< rows
  std::uint64_t dropped = 0;                 ///< rows, since the stream began
  std::vector<boost::json::object> answers;  ///< of the windows that this push completed; only when it waited
};

}  // namespace dormouse::daemon
