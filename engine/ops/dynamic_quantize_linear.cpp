#include "engine/kernels/quantize_rows.h"
#include "engine/ops/dynamic_range.h"
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

void compute(const KernelContext& context) noexcept {
  const std::span<const float> x = context.in<float>(0);
  const auto [scale, zero] = dynamic_range(x);
  std::uint8_t* const y = context.out<std::uint8_t>(0).data();
  best_quantize_rows().u8(x.data(), y, std::ssize(x), scale, zero);
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
