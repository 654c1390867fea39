#include "engine/kernels/scale.h"

namespace dormouse::engine {

void scale(std::span<float> values, double by) noexcept {
  for (float& value : values) value = static_cast<float>(static_cast<double>(value) * by);
}

void scale(std::span<double> values, double by) noexcept {
  for (double& value : values) value *= by;
}

}  // namespace dormouse::engine
