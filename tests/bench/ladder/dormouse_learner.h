#pragma once

#include "tests/bench/ladder/strategy_learner.h"

namespace dormouse::bench {

/// What a device runs: one configuration for every rung. Only the budget differs, and how an exemplar is
/// packed: images at two bits a pixel, at half resolution where neighbours belong together; anything else at
/// four bits a value.
std::unique_ptr<Learner> dormouse_learner(std::size_t budget_bytes, const Place& place);

}  // namespace dormouse::bench
