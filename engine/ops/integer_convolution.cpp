#include "engine/ops/integer_convolution.h"

#include "engine/kernels/integer_gemm.h"
#include "engine/kernels/scratch.h"

namespace dormouse::engine {

std::size_t IntegerConvolution::scratch_bytes() const {
  constexpr std::size_t kElement = sizeof(std::int16_t);
  return Scratch::bytes(conv_.groups * conv_.m * integer_row(conv_.k), kElement) +
         Scratch::bytes(conv_.channels * conv_.x_plane, kElement) +
         Scratch::bytes(conv_.k * conv_.block, kElement) +
         Scratch::bytes(conv_.m * conv_.block, sizeof(std::int32_t)) + integer_gemm_scratch(conv_.k);
}

IntegerConvolution::Arrays IntegerConvolution::arrays(const KernelContext& context) const {
  Scratch scratch(context.scratch);
  Arrays result;
  result.weights = scratch.take<std::int16_t>(conv_.groups * conv_.m * integer_row(conv_.k));
  result.image = scratch.take<std::int16_t>(conv_.channels * conv_.x_plane);
  result.columns = scratch.take<std::int16_t>(conv_.k * conv_.block);
  result.sums = scratch.take<std::int32_t>(conv_.m * conv_.block);
  result.rest = scratch.rest();
  return result;
}

void IntegerConvolution::load_weights(const KernelContext& context) const {
  const std::vector<std::int32_t> zero = zero_points(context, inputs_.w_zero);
  const std::int64_t pitch = integer_row(conv_.k);
  std::int16_t* const weights = arrays(context).weights;
  for (std::int64_t row = 0; row < conv_.groups * conv_.m; ++row) {
    load_centred(context.inputs[inputs_.w], row * conv_.k, conv_.k, {&each_or_all(zero, row), 1},
                 weights + row * pitch);
    if (pitch > conv_.k) weights[row * pitch + conv_.k] = 0;
  }
}

void IntegerConvolution::load_image(const KernelContext& context, std::int64_t image, std::int64_t group,
                                    std::int32_t zero) const {
  load_centred(context.inputs[inputs_.x], conv_.x_offset(image, group), conv_.channels * conv_.x_plane,
               {&zero, 1}, arrays(context).image);
}

const std::int32_t* IntegerConvolution::multiply(const KernelContext& context, std::int64_t group,
                                                 std::int64_t first, std::int64_t count) const {
  const Arrays at = arrays(context);
  im2col(at.image, conv_.channels, conv_.window, first, count, at.columns);
  integer_gemm(conv_.m, count, conv_.k, at.weights + group * conv_.m * integer_row(conv_.k), at.columns,
               at.sums, count, at.rest);
  return at.sums;
}

std::optional<Shape> infer_integer_convolution(const InferContext& context, IntegerConvolutionInputs inputs) {
  const auto [x, x_zero, w, w_zero] = inputs;
  for (const std::size_t i : {x, w})
    context.require(is_quantized8(context.dtype(i)), "image or weights are not of i8 or u8");
  context.require(!context.has_input(x_zero) || context.dtype(x_zero) == context.dtype(x),
                  "the image's zero point is not of its type");
  context.require(!context.has_input(w_zero) || context.dtype(w_zero) == context.dtype(w),
                  "the weights' zero point is not of their type");
  check_attribute<std::int64_t>(context, "group");
  require_one_or_each(context, x_zero, 1, "the image's zero point");
  if (!context.has_shape(x) || !context.has_shape(w)) return std::nullopt;
  require_one_or_each(context, w_zero, context.shape(w).rank() > 0 ? context.shape(w)[0] : 1,
                      "the weights' zero point");
  return infer_convolution(context, context.shape(x), context.shape(w));
}

}  // namespace dormouse::engine
