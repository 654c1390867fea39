#pragma once

#include <string>

namespace dormouse::daemon {

/// Prints where the memory of the model in `path` goes for inputs of these shapes, as parse_shapes()
/// takes them; returns kOk.
int inspect_memory(const std::string& path, const std::string& shapes, bool json);

}  // namespace dormouse::daemon
