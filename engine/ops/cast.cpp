#include "engine/kernels/convert.h"
#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

// Element types as ONNX's TensorProto numbers them.
std::optional<DType> type_of(std::int64_t onnx) {
  switch (onnx) {
    case 1:
      return DType::f32;
    case 2:
      return DType::u8;
    case 3:
      return DType::i8;
    case 4:
      return DType::u16;
    case 5:
      return DType::i16;
    case 6:
      return DType::i32;
    case 7:
      return DType::i64;
    case 9:
      return DType::boolean;
    case 10:
      return DType::f16;
    case 11:
      return DType::f64;
    case 12:
      return DType::u32;
    case 13:
      return DType::u64;
    case 16:
      return DType::bf16;
    default:
      return {};
  }
}

void infer(InferContext& context) {
  const std::optional<DType> to = type_of(context.attributes().integer("to", 0));
  if (!to) context.unsupported("`to` names no element type we have");
  if (!context.has_shape(0)) return context.set_output(0, *to);
  context.set_output(0, *to, context.shape(0));
}

void compute(const KernelContext& context) noexcept {
  const View &in = context.inputs[0], &out = context.outputs[0];
  convert(in.dtype, in.data, out.dtype, out.data, static_cast<std::size_t>(in.elements()));
}

bool floating(DType type) { return type == DType::f32 || type == DType::f64; }

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0);
  if (!floating(x.dtype()) || !floating(context.output(0).dtype())) return {Value{}};
  return {cast(context.upstream(), x.dtype())};
}

}  // namespace

namespace ops {
extern const Op cast{.name = "Cast",
                     .since = 6,
                     .infer = infer,
                     .kernels = moving_kernels(compute, compute, compute, compute),
                     .gradient = gradient,
                     .samples = {{.shapes = {{2, 3}}, .attributes = {{"to", std::int64_t{11}}}},
                                 {.shapes = {{2, 3}}, .attributes = {{"to", std::int64_t{7}}}}}};
}  // namespace ops

}  // namespace dormouse::engine
