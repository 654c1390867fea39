#include "engine/ops/integer_convolution.h"

/// QLinearConv(x, scale, zero point, w, scale, zero point, y's scale, y's zero point, bias?): the convolution
/// of quantised numbers, quantised. The bias is in units of x's scale times w's.
namespace dormouse::engine {
namespace {

constexpr IntegerConvolutionInputs kInputs{.x = 0, .x_zero = 2, .w = 3, .w_zero = 5};
constexpr std::size_t kBias = 8;

void infer(InferContext& context) {
  const DType type = context.dtype(7);
  context.require(is_quantized8(type), "the output's zero point is not of i8 or u8");
  std::optional<Shape> shape = infer_integer_convolution(context, kInputs);
  if (!shape) return context.set_output(0, type);
  const std::int64_t channels = (*shape)[1];
  check_scale(context, 1, 2, context.dtype(0), 1);
  check_scale(context, 4, 5, context.dtype(3), channels);
  check_scale(context, 6, 7, type, 1);
  check_bias(context, kBias, DType::i32, *shape);
  set_checked_output(context, 0, type, *std::move(shape));
}

std::size_t scratch(const KernelContext& context) {
  return IntegerConvolution(context, kInputs).scratch_bytes();
}

void compute(const KernelContext& context) noexcept {
  const float x_scale = scales(context, 1)[0], y_scale = scales(context, 6)[0];
  const std::vector<float> w_scale = scales(context, 4);
  const std::int32_t y_zero = zero_points(context, 7)[0];
  const bool biased = context.has_input(kBias);
  std::vector<std::int32_t> with_bias;
  const auto store = [&](std::int64_t first, std::int64_t channel, const std::int32_t* sums,
                         std::int64_t count) {
    if (biased) {
      const std::int32_t bias = context.in<std::int32_t>(kBias)[static_cast<std::size_t>(channel)];
      with_bias.resize(static_cast<std::size_t>(count));
      for (std::int64_t i = 0; i < count; ++i)
        with_bias[static_cast<std::size_t>(i)] = wrapping_sum(sums[i], bias);
      sums = with_bias.data();
    }
    store_requantized(sums, count, x_scale * each_or_all(w_scale, channel) / y_scale, y_zero,
                      context.outputs[0], first);
  };
  IntegerConvolution(context, kInputs).run(context, store);
}

std::vector<std::pair<std::size_t, Tensor>> inputs() {
  return {{0, Tensor::from<std::uint8_t>({1, 1, 4}, {255, 174, 162, 25})},
          {1, Tensor::scalar(0.0037f)},
          {2, Tensor::scalar<std::uint8_t>(132)},
          {3, Tensor::from<std::int8_t>({2, 1, 2}, {0, -5, 100, 127})},
          {4, Tensor::from<float>({2}, {0.0017f, 0.5f})},
          {5, Tensor::from<std::int8_t>({2}, {25, 0})},
          {6, Tensor::scalar(0.0162f)},
          {7, Tensor::scalar<std::int8_t>(-3)}};
}

std::vector<std::pair<std::size_t, Tensor>> with_bias() {
  auto result = inputs();
  result.emplace_back(kBias, Tensor::from<std::int32_t>({2}, {1000, -20000}));
  return result;
}

}  // namespace

namespace ops {
extern const Op q_linear_conv{
    .name = "QLinearConv",
    .since = 10,
    .min_inputs = 8,
    .max_inputs = 9,
    .infer = infer,
    .kernels = {{DType::u8, compute}, {DType::i8, compute}},
    .scratch = scratch,
    .samples = {{.shapes = {{1, 1, 4}, {}, {}, {2, 1, 2}, {2}, {2}, {}, {}}, .fixed = inputs()},
                {.shapes = {{1, 1, 4}, {}, {}, {2, 1, 2}, {2}, {2}, {}, {}, {2}},
                 .attributes = {{"pads", std::vector<std::int64_t>{1, 0}}},
                 .fixed = with_bias()}}};
}  // namespace ops

}  // namespace dormouse::engine
