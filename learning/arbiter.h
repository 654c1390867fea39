#pragma once

#include <span>

#include "engine/published.h"
#include "learning/latents.h"

namespace dormouse::learning {

/// Measures who was right where the heads disagree on held-out examples, by the class the fast head names.
///
/// Every class weighs alike, however few of its examples are held out: a class taught an hour ago has two
/// where the seed's have forty, yet it is met as often. For a class both heads know, rate = (hits + 2·pooled)
/// / (n + 2), pooled being (hits + 1) / (n + 2) over all such classes. A class the slow head lacks exists
/// because somebody taught it: the fast head is taken to recognise (hits + 1) / (n + 2) of its examples, so
/// that without any held out it is believed unless it names the class where it is not; that costs it on the
/// record of the others. Without examples at all: 1/2 each, 1/2 against 1/4 where the slow head lacks the
/// class. `slow_predictions` and `fast_predictions` are argmaxes on the same examples as `truth`.
engine::Arbiter measure_arbiter(std::span<const ClassIndex> slow_predictions,
                                std::span<const ClassIndex> fast_predictions,
                                std::span<const ClassIndex> truth, std::size_t slow_classes,
                                std::size_t classes);

}  // namespace dormouse::learning
