#include <algorithm>

#include "engine/formats/onnx_proto.h"
#include "engine/kernels/convert.h"
#include "engine/ops/inference.h"

/// EyeLike(x): ones on the k-th diagonal, zeros elsewhere. Of `x` only the shape is read.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_attribute<std::int64_t>(context, "k");
  DType type = context.dtype(0);
  if (const auto* const number = context.attributes().find<std::int64_t>("dtype")) {
    const std::optional<DType> named = dtype_of_onnx(*number);
    if (!named) context.unsupported("`dtype` names no element type we have");
    type = *named;
  }
  if (!context.has_shape(0)) return context.set_output(0, type);
  context.require(context.shape(0).rank() == 2, "expects a matrix");
  context.set_output(0, type, context.shape(0));
}

void compute(const KernelContext& context) noexcept {
  const View& out = context.outputs[0];
  const std::int64_t rows = (*out.shape)[0], columns = (*out.shape)[1],
                     size = static_cast<std::int64_t>(size_of(out.dtype));
  const std::int64_t k = std::clamp<std::int64_t>(context.attributes.integer("k", 0), -rows, columns);
  std::fill_n(out.data, rows * columns * size, std::byte{0});
  constexpr float one = 1;
  for (std::int64_t row = std::max<std::int64_t>(0, -k); row < rows && row + k < columns; ++row)
    convert(DType::f32, reinterpret_cast<const std::byte*>(&one), out.dtype,
            out.data + (row * columns + row + k) * size, 1);
}

}  // namespace

namespace ops {
extern const Op eye_like{
    .name = "EyeLike",
    .since = 9,
    .infer = infer,
    .kernels = moving_kernels(compute, compute, compute, compute),
    .samples = {{.shapes = {{3, 4}}},
                {.shapes = {{4, 3}}, .attributes = {{"k", std::int64_t{-1}}, {"dtype", std::int64_t{7}}}}}};
}  // namespace ops

}  // namespace dormouse::engine
