#include "engine/ops/integer_convolution.h"

#include "engine/kernels/integer_gemm.h"

namespace dormouse::engine {
namespace {

std::size_t bytes(std::int64_t count, std::size_t each) {
  return (static_cast<std::size_t>(count) * each + 63) / 64 * 64;
}

}  // namespace

std::size_t IntegerConvolution::scratch_bytes() const {
  return bytes(conv_.groups * conv_.m * conv_.k, sizeof(std::int16_t)) +
         bytes(conv_.channels * conv_.x_plane, sizeof(std::int16_t)) +
         bytes(conv_.block * conv_.k, sizeof(std::int16_t)) +
         bytes(conv_.m * conv_.block, sizeof(std::int32_t));
}

IntegerConvolution::Scratch IntegerConvolution::scratch(const KernelContext& context) const {
  std::byte* at = context.scratch.data();
  const auto take = [&](std::int64_t count) {
    auto* const result = reinterpret_cast<std::int16_t*>(at);
    at += bytes(count, sizeof(std::int16_t));
    return result;
  };
  Scratch result{};
  result.weights = take(conv_.groups * conv_.m * conv_.k);
  result.image = take(conv_.channels * conv_.x_plane);
  result.rows = take(conv_.block * conv_.k);
  result.sums = reinterpret_cast<std::int32_t*>(at);
  return result;
}

void IntegerConvolution::load_weights(const KernelContext& context) const {
  const std::vector<std::int32_t> zero = zero_points(context, inputs_.w_zero);
  for (std::int64_t row = 0; row < conv_.groups * conv_.m; ++row)
    load_centred(context.inputs[inputs_.w], row * conv_.k, 1, conv_.k, each_or_all(zero, row),
                 scratch(context).weights + row * conv_.k);
}

void IntegerConvolution::load_image(const KernelContext& context, std::int64_t image,
                                    std::int64_t group) const {
  load_centred(context.inputs[inputs_.x], conv_.x_offset(image, group), 1, conv_.channels * conv_.x_plane,
               zero_points(context, inputs_.x_zero)[0], scratch(context).image);
}

const std::int32_t* IntegerConvolution::multiply(const KernelContext& context, std::int64_t group,
                                                 std::int64_t first, std::int64_t count) const {
  const Scratch at = scratch(context);
  im2row(at.image, conv_.channels, conv_.window, first, count, at.rows);
  integer_gemm(conv_.m, count, conv_.k, at.weights + group * conv_.m * conv_.k, at.rows, at.sums, count);
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
