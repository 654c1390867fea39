#include "engine/quantizing/weights.h"

#include <algorithm>
#include <cmath>

#include "engine/kernels/quantize.h"

namespace dormouse::engine {
namespace {

constexpr float kSteps = 127;

}  // namespace

QuantizedWeights quantize_weights(const Tensor& weights, std::size_t axis) {
  const Shape& shape = weights.shape();
  const std::int64_t slices = shape[axis], run = shape.elements(axis + 1, shape.rank());
  QuantizedWeights result{Tensor(DType::i8, shape), Tensor(DType::f32, {slices})};
  const auto from = weights.values<float>();
  const auto scales = result.scales.mutable_values<float>();
  const auto slice_of = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<std::int64_t>(i) / run % slices);
  };
  for (std::size_t i = 0; i < from.size(); ++i)
    scales[slice_of(i)] = std::max(scales[slice_of(i)], std::abs(from[i]));
  for (float& scale : scales) {
    scale /= kSteps;
    if (!std::isnormal(scale)) scale = 1;  // all zero, or so close to it that it makes no difference
  }
  const auto to = result.numbers.mutable_values<std::int8_t>();
  for (std::size_t i = 0; i < from.size(); ++i)
    to[i] = quantized<std::int8_t>(from[i] / scales[slice_of(i)], 0);
  return result;
}

}  // namespace dormouse::engine
