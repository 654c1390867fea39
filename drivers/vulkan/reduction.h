#pragma once

#include "drivers/vulkan/recorder.h"
#include "engine/shape.h"

namespace dormouse::drivers::vulkan {

/// As in shaders/reduce.comp.
enum class Fold : std::uint8_t { sum, max, min, product, magnitudes, squares, exponentials };
enum class End : std::uint8_t { plain, root, logarithm };

struct Reduction {
  Fold fold = Fold::sum;
  End end = End::plain;
  float factor = 1;
};

/// Whether add_reduction() can: the axes join to few enough.
bool reducible(const engine::Shape& shape, const std::vector<bool>& reduced);
/// Folds the elements of `in`, of that shape, along the axes that are reduced.
void add_reduction(Recorder& recorder, Reduction what, const engine::Shape& shape,
                   const std::vector<bool>& reduced, Slot in, Slot out);

/// out[i] = Σ of so many parts, each `elements` long, one behind the other; finished.
Call parts_call(Slot parts, std::uint32_t count, std::uint32_t elements, Slot out, Finish finish);

}  // namespace dormouse::drivers::vulkan
