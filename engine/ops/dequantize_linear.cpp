#include "engine/ops/quantized_axis.h"
#include "engine/ops/types.h"

/// DequantizeLinear(x, scale, zero point): (x - zero point) · scale, of the scale's type.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  const DType type = context.dtype(1);
  if (type != DType::f32 && type != DType::f16 && type != DType::bf16)
    context.unsupported("a scale of " + std::string(word(type)));
  context.require(!context.has_input(2) || context.dtype(2) == context.dtype(0),
                  "zero point and input differ in type");
  check_quantized_axis(context);
  if (!context.has_shape(0)) return context.set_output(0, type);
  context.set_output(0, type, context.shape(0));
}

// In doubles where 32-bit numbers less their zero point would not fit.
template <class Q>
void compute(const KernelContext& context) noexcept {
  using Wide = std::conditional_t<sizeof(Q) == 4, double, float>;
  const std::vector<float> scale = scales(context, 1);
  const std::vector<std::int32_t> zero = zero_points(context, 2);
  const Q* const x = context.in<Q>(0).data();
  float* const y = context.out<float>(0).data();
  for_quantized_runs(context, [&](std::int64_t first, std::int64_t count, std::int64_t slice) {
    const Wide factor = static_cast<Wide>(each_or_all(scale, slice)),
               shift = static_cast<Wide>(each_or_all(zero, slice));
    for (std::int64_t i = first; i < first + count; ++i)
      y[i] = static_cast<float>((static_cast<Wide>(x[i]) - shift) * factor);
  });
}

using Integers = Types<std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t>;

}  // namespace

namespace ops {
extern const Op dequantize_linear{
    .name = "DequantizeLinear",
    .since = 10,
    .min_inputs = 2,
    .max_inputs = 3,
    .infer = infer,
    .kernels = kernels_for(Integers{}, []<class T>() { return widened_kernel<compute<T>>; }),
    .samples = {{.shapes = {{3}, {}, {}},
                 .fixed = {{0, Tensor::from<std::uint8_t>({3}, {0, 128, 255})},
                           {1, Tensor::scalar(0.5f)},
                           {2, Tensor::scalar<std::uint8_t>(128)}}},
                {.shapes = {{2, 2}, {2}},
                 .attributes = {{"axis", std::int64_t{0}}},
                 .fixed = {{0, Tensor::from<std::int32_t>({2, 2}, {-5, INT32_MAX, 3, 0})},
                           {1, Tensor::from<float>({2}, {1, 0.125f})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
