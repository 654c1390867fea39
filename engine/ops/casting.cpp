#include "engine/ops/casting.h"

#include "engine/kernels/convert.h"

namespace dormouse::engine {

bool is_floating(DType type) {
  return type == DType::f32 || type == DType::f64 || type == DType::f16 || type == DType::bf16;
}

std::optional<DType> onnx_element_type(std::int64_t number) {
  switch (number) {
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

void cast_kernel(const KernelContext& context) noexcept {
  const View &in = context.inputs[0], &out = context.outputs[0];
  convert(in.dtype, in.data, out.dtype, out.data, static_cast<std::size_t>(in.elements()));
}

Gradients cast_gradient(const GradientContext& context) {
  const Value x = context.input(0);
  if (!is_floating(x.dtype()) || !is_floating(context.output(0).dtype())) return {Value{}};
  return {cast(context.upstream(), x.dtype())};
}

}  // namespace dormouse::engine
