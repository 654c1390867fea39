#include <algorithm>

#include "engine/kernels/quantize.h"
#include "engine/ops/quantization.h"

/// DynamicQuantizeLinear(x): x as u8 with the scale and zero point that just cover it and 0.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  context.set_output(1, DType::f32, {});
  context.set_output(2, DType::u8, {});
  if (!context.has_shape(0)) return context.set_output(0, DType::u8);
  context.set_output(0, DType::u8, context.shape(0));
}

struct Bounds {
  float low = 0, high = 0;
};

Bounds bounds(std::span<const float> x) {
  constexpr std::size_t kPartials = 16;
  Bounds partial[kPartials];
  const auto extend = [](Bounds& bounds, float value) {
    bounds.low = value < bounds.low ? value : bounds.low;
    bounds.high = value > bounds.high ? value : bounds.high;
  };
  std::size_t i = 0;
  for (; i + kPartials <= x.size(); i += kPartials)
    for (std::size_t j = 0; j < kPartials; ++j) extend(partial[j], x[i + j]);
  for (; i < x.size(); ++i) extend(partial[0], x[i]);
  Bounds result;
  for (const Bounds& part : partial) {
    extend(result, part.low);
    extend(result, part.high);
  }
  return result;
}

void compute(const KernelContext& context) noexcept {
  const std::span<const float> x = context.in<float>(0);
  const auto [low, high] = bounds(x);
  const float scale = low == high ? 1.0f : (high - low) / 255;
  const std::uint8_t zero = quantized<std::uint8_t>(-low / scale, 0);
  std::ranges::transform(x, context.out<std::uint8_t>(0).begin(),
                         [&](float value) { return quantized<std::uint8_t>(value / scale, zero); });
  if (context.outputs.size() > 1 && context.outputs[1].present()) context.out<float>(1)[0] = scale;
  if (context.outputs.size() > 2 && context.outputs[2].present()) context.out<std::uint8_t>(2)[0] = zero;
}

}  // namespace

namespace ops {
extern const Op dynamic_quantize_linear{
    .name = "DynamicQuantizeLinear",
    .since = 11,
    .max_outputs = 3,
    .infer = infer,
    .kernels = {{DType::f32, compute}},
    .samples = {{.shapes = {{4}}, .fixed = {{0, Tensor::from<float>({4}, {-1, 0, 2.5f, 4})}}},
                {.shapes = {{2}}, .fixed = {{0, Tensor::from<float>({2}, {0, 0})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
