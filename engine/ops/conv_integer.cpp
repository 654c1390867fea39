#include <algorithm>

#include "engine/ops/integer_convolution.h"

/// ConvInteger(x, w, zero point of x, of w): the convolution of 8-bit numbers, as i32.
namespace dormouse::engine {
namespace {

constexpr IntegerConvolutionInputs kInputs{.x = 0, .x_zero = 2, .w = 1, .w_zero = 3};

void infer(InferContext& context) {
  std::optional<Shape> shape = infer_integer_convolution(context, kInputs);
  if (!shape) return context.set_output(0, DType::i32);
  set_checked_output(context, 0, DType::i32, *std::move(shape));
}

std::size_t scratch(const KernelContext& context) {
  return IntegerConvolution(context, kInputs).scratch_bytes();
}

void compute(const KernelContext& context) noexcept {
  std::int32_t* const y = context.out<std::int32_t>(0).data();
  IntegerConvolution(context, kInputs)
      .run(context, [&](std::int64_t first, std::int64_t, const std::int32_t* sums, std::int64_t count) {
        std::copy_n(sums, count, y + first);
      });
}

}  // namespace

namespace ops {
extern const Op conv_integer{
    .name = "ConvInteger",
    .since = 10,
    .min_inputs = 2,
    .max_inputs = 4,
    .infer = infer,
    .kernels = {{DType::u8, compute}, {DType::i8, compute}},
    .scratch = scratch,
    .samples = {{.shapes = {{1, 1, 3, 3}, {1, 1, 2, 2}, {}},
                 .attributes = {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}},
                 .fixed = {{0, Tensor::from<std::uint8_t>({1, 1, 3, 3}, {2, 3, 4, 5, 6, 7, 8, 9, 255})},
                           {1, Tensor::from<std::uint8_t>({1, 1, 2, 2}, {1, 1, 1, 1})},
                           {2, Tensor::scalar<std::uint8_t>(1)}}},
                {.shapes = {{1, 2, 4}, {2, 1, 2}, {}, {2}},
                 .attributes = {{"group", std::int64_t{2}}},
                 .fixed = {{0, Tensor::from<std::int8_t>({1, 2, 4}, {1, -2, 3, -4, 5, -6, 7, -128})},
                           {1, Tensor::from<std::int8_t>({2, 1, 2}, {1, -1, 127, 2})},
                           {2, Tensor::scalar<std::int8_t>(-7)},
                           {3, Tensor::from<std::int8_t>({2}, {3, -5})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
