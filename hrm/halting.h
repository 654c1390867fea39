#pragma once

#include <span>
#include <vector>

#include "hrm/certificate.h"
#include "hrm/planner.h"

namespace dormouse::hrm {

/// What a planner thinks of its answers to one puzzle, step by step, while nothing verifies them.
struct HaltTrial {
  std::vector<float> right;   ///< the halting head's probability after each step
  std::vector<bool> correct;  ///< whether the answer was right by then
};

/// Thinks until the answer is stable or the budget ends. `planner` must not believe its head yet.
HaltTrial try_halting(const Planner& planner, const engine::Tensor& x, std::span<const std::uint8_t> answer,
                      PlanBudget budget = {});

/// The least probability from which on the head may be believed: a planner that stops at the first step after
/// which its head says as much is wrong in at most `target_error` of the puzzles at which it stops so, with
/// probability 1 − delta over the draw of the trials, for puzzles like these. By certify(); a quarter of the
/// trials, the first, chooses which thresholds are tested on the others.
Certificate certify_halting(std::span<const HaltTrial> trials, const Promise& promise);

}  // namespace dormouse::hrm
