#pragma once

#include <span>

#include "engine/published.h"
#include "learning/latents.h"

namespace dormouse::learning {

/// Measures who was right where the heads disagree on held-out examples, by the class the fast head names.
///
/// rate = (hits + 2·pooled) / (n + 2), where pooled is the same rate over all classes of its kind, itself
/// smoothed: for classes the slow head has, (hits + 1) / (n + 2) for either head. A class the slow head lacks
/// exists only because somebody taught it, so without evidence the fast head gets 1/2 and the slow head 1/4.
/// `slow_predictions` and `fast_predictions` are argmaxes on the same examples as `truth`.
engine::Arbiter measure_arbiter(std::span<const ClassIndex> slow_predictions,
                                std::span<const ClassIndex> fast_predictions,
                                std::span<const ClassIndex> truth, std::size_t slow_classes,
                                std::size_t classes);

}  // namespace dormouse::learning
