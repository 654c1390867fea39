#pragma once

#include <optional>

#include "engine/graph.h"
#include "hrm/certificate.h"
#include "learning/puzzle.h"

namespace dormouse::daemon {

/// Tests from which probability on a planner's halting head may be believed, on held-out puzzles that nothing
/// else is tested on, and writes into the step's metadata what came of it (engine/planner_keys.h): see
/// hrm::certify_halting(). Nothing when the source has too few to try.
std::optional<hrm::Certificate> calibrate_halting(engine::Graph& step, const learning::PuzzleSource& puzzles,
                                                  const hrm::Promise& promise);

/// What that came to, for people.
std::string halting_text(const std::optional<hrm::Certificate>& certificate, const hrm::Promise& promise);

}  // namespace dormouse::daemon
