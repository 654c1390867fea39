#include "engine/formats/onnx_proto.h"
#include "engine/kernels/quantize.h"
#include "engine/kernels/quantize_rows.h"
#include "engine/ops/quantized_axis.h"
#include "engine/ops/types.h"

/// QuantizeLinear(x, scale, zero point): round(x / scale) + zero point, saturated.
namespace dormouse::engine {
namespace {

DType output_type(const InferContext& context) {
  DType type = context.has_input(2) ? context.dtype(2) : DType::u8;
  if (const std::int64_t number = context.attributes().integer("output_dtype", 0)) {
    const std::optional<DType> named = dtype_of_onnx(number);
    context.require(!context.has_input(2) || named == type, "output_dtype is not the zero point's type");
    if (!named) context.unsupported("output_dtype names no element type we have");
    type = *named;
  }
  if (!is_quantized8(type) && type != DType::u16 && type != DType::i16)
    context.unsupported("quantisation to " + std::string(word(type)));
  return type;
}

void infer(InferContext& context) {
  const DType type = output_type(context), scale = context.dtype(1);
  context.require(scale == DType::f32 || scale == context.dtype(0), "scale and input differ in type");
  if (scale == DType::f64 || scale == DType::i32)
    context.unsupported("a scale of " + std::string(word(scale)));
  check_quantized_axis(context);
  if (!context.has_shape(0)) return context.set_output(0, type);
  context.set_output(0, type, context.shape(0));
}

void quantize_row(const float* x, std::uint8_t* y, std::int64_t count, float scale, std::int32_t zero) {
  best_quantize_rows().u8(x, y, count, scale, zero);
}
void quantize_row(const float* x, std::int8_t* y, std::int64_t count, float scale, std::int32_t zero) {
  best_quantize_rows().i8(x, y, count, scale, zero);
}

template <class T, class Q>
void quantize(const KernelContext& context) {
  const std::vector<float> scale = scales(context, 1);
  const std::vector<std::int32_t> zero = zero_points(context, 2);
  const T* const x = context.in<T>(0).data();
  Q* const y = context.out<Q>(0).data();
  for_quantized_runs(context, [&](std::int64_t first, std::int64_t count, std::int64_t slice) {
    const float divisor = each_or_all(scale, slice);
    const std::int32_t shift = each_or_all(zero, slice);
    if constexpr (std::is_same_v<T, float> && sizeof(Q) == 1)
      return quantize_row(x + first, y + first, count, divisor, shift);
    for (std::int64_t i = first; i < first + count; ++i)
      y[i] = quantized<Q>(static_cast<float>(x[i]) / divisor, shift);
  });
}

template <class T>
void compute(const KernelContext& context) noexcept {
  switch (context.outputs[0].dtype) {
    case DType::i8:
      return quantize<T, std::int8_t>(context);
    case DType::u16:
      return quantize<T, std::uint16_t>(context);
    case DType::i16:
      return quantize<T, std::int16_t>(context);
    default:
      return quantize<T, std::uint8_t>(context);
  }
}

Tensor numbers() { return Tensor::from<float>({2, 3}, {-1.5f, 0.25f, 3, 100, -0.3f, 0.5f}); }

}  // namespace

namespace ops {
extern const Op quantize_linear{
    .name = "QuantizeLinear",
    .since = 10,
    .min_inputs = 2,
    .max_inputs = 3,
    .infer = infer,
    .kernels = {{DType::f32, compute<float>},
                {DType::f16, widened_kernel<compute<float>>},
                {DType::bf16, widened_kernel<compute<float>>},
                {DType::i32, compute<std::int32_t>}},
    .samples = {{.shapes = {{2, 3}, {}}, .fixed = {{0, numbers()}, {1, Tensor::scalar(0.5f)}}},
                {.shapes = {{2, 3}, {3}, {3}},
                 .fixed = {{0, numbers()},
                           {1, Tensor::from<float>({3}, {0.5f, 1, 0.25f})},
                           {2, Tensor::from<std::int8_t>({3}, {0, -100, 7})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
