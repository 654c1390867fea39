#pragma once

#include <span>

#include "engine/published.h"
#include "learning/latents.h"

namespace dormouse::learning {

/// Measures who was right where the heads disagree on held-out examples, by the class the fast head names.
///
/// rate = (hits + 2·pooled) / (n + 2), where pooled is the rate over all classes of the same kind (known to
/// the slow head or not), smoothed in its turn: (hits + 1) / (n + 2) for either head; for classes the slow
/// head lacks, which exist only because somebody taught them, (hits + ½) / (n + 2) for the slow one. Without
/// evidence the heads are equals on known classes, and the fast head weighs twice the slow one where it names
/// a new class. `slow_predictions` and `fast_predictions` are argmaxes on the same examples as `truth`.
engine::Arbiter measure_arbiter(std::span<const ClassIndex> slow_predictions,
                                std::span<const ClassIndex> fast_predictions,
                                std::span<const ClassIndex> truth, std::size_t slow_classes,
                                std::size_t classes);

}  // namespace dormouse::learning
