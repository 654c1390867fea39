#pragma once

#include <span>

#include "hrm/gate.h"
#include "hrm/router.h"

namespace dormouse::hrm {

/// What kSignals say of a request. `probabilities`: the cheap model's calibrated ones over all labels, at
/// least one; `logits`: of its network; `typical_distance`: within a class, the unit of distances where it is
/// above 0.
///
/// Every signal is finite, whatever the input. O(labels + memory).
Signals signals_of(std::span<const float> probabilities, std::span<const float> logits,
                   const Recollection& memory, float typical_distance);

/// −log Σ exp(logit), arXiv:2010.03759, as the signal is; 0 without logits.
float energy(std::span<const float> logits);

}  // namespace dormouse::hrm
