#pragma once

#include <string>

namespace dormouse::daemon {

/// Shows what each pass makes of the model in `path`, before any input is known: nodes after it, and what it
/// changed.
int list_passes(const std::string& path, bool json);

}  // namespace dormouse::daemon
