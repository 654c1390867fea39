#pragma once

namespace dormouse::daemon {

/// Puts the calling thread behind every other on the machine, for good. Where the system refuses, the
/// scheduler alone keeps its work back.
void lower_priority();

}  // namespace dormouse::daemon
