#include "learning/fast_head.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace dormouse::learning {

void check_example(std::span<const float> latent, ClassIndex label, const FastHead& head) {
  if (latent.size() != head.latent_size())
    throw Failure(Errc::invalid, "a latent of " + std::to_string(latent.size()) + " elements, expected " +
                                     std::to_string(head.latent_size()));
  if (label >= head.classes())
    throw Failure(Errc::invalid,
                  "class " + std::to_string(label) + " of " + std::to_string(head.classes()) + " known");
  if (!std::ranges::all_of(latent, [](float x) { return std::isfinite(x); }))
    throw Failure(Errc::invalid, "a latent that is not finite teaches nothing");
}

}  // namespace dormouse::learning
