#include "engine/kernels/scratch.h"
#include "engine/kernels/ternary.h"
#include "engine/ops/inference.h"

/// PackedBitLinear(x, weights, scale, bias?): what BitLinear computes, of weights that are ternary already:
/// u8 [out, bytes], packed as engine/kernels/ternary.h says, and the scalar γ.
namespace dormouse::engine {
namespace {

constexpr std::size_t kScale = 2, kBias = 3;

void infer(InferContext& context) {
  context.require(context.dtype(0) == DType::f32 && context.dtype(kScale) == DType::f32,
                  "x and scale are not f32");
  context.require(context.dtype(1) == DType::u8, "the weights are not packed as u8");
  context.require(!context.has_input(kBias) || context.dtype(kBias) == DType::f32, "the bias is not f32");
  context.set_output(0, DType::f32);
  if (!context.has_shape(0) || !context.has_shape(1)) return;
  const Shape &x = context.shape(0), &w = context.shape(1);
  context.require(w.rank() == 2 && w.is_static(), "the weights are no matrix of known extents");
  context.require(x.rank() >= 1, "x is a scalar");
  if (x.back() == kDynamic) return;
  context.require(w[1] == ternary_blocks(x.back()) * kTernaryBytes,
                  "the rows of the weights are not packed for the last extent of x");
  context.require(!context.has_shape(kScale) || context.shape(kScale).rank() == 0, "the scale is no scalar");
  context.require(
      !context.has_input(kBias) || !context.has_shape(kBias) || context.shape(kBias) == Shape{w[0]},
      "the bias is not one for each row of the weights");
  Shape y = x;
  y[y.rank() - 1] = w[0];
  set_checked_output(context, 0, DType::f32, std::move(y));
}

std::int64_t rows_of(const KernelContext& context) {
  const std::int64_t out = context.shape(1)[0];
  return out > 0 ? context.outputs[0].elements() / out : 0;
}

std::size_t scratch(const KernelContext& context) {
  const std::int64_t rows = rows_of(context);
  return Scratch::bytes(rows * ternary_blocks(context.shape(0).back()) * kTernaryBlock, 1) +
         Scratch::bytes(rows, sizeof(float));
}

void compute(const KernelContext& context) noexcept {
  const std::int64_t in = context.shape(0).back(), out = context.shape(1)[0], rows = rows_of(context);
  const std::int64_t blocks = ternary_blocks(in), pitch = blocks * kTernaryBlock;
  Scratch room(context.scratch);
  std::int8_t* const x = room.take<std::int8_t>(rows * pitch);
  float* const steps = room.take<float>(rows);
  for (std::int64_t r = 0; r < rows; ++r)
    steps[r] = quantize_row({context.in<float>(0).data() + r * in, static_cast<std::size_t>(in)},
                            {x + r * pitch, static_cast<std::size_t>(pitch)});
  const TernaryDot& dot = best_ternary_dot();
  const std::uint8_t* const weights = context.in<std::uint8_t>(1).data();
  const float scale = context.in<float>(kScale)[0];
  float* const y = context.out<float>(0).data();
  // A row of weights is read once for all rows of x.
  for (std::int64_t o = 0; o < out; ++o) {
    const float bias = context.has_input(kBias) ? context.in<float>(kBias)[static_cast<std::size_t>(o)] : 0;
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int32_t sum = dot.run(blocks, weights + o * blocks * kTernaryBytes, x + r * pitch);
      y[r * out + o] = static_cast<float>(sum) * (steps[r] * scale) + bias;
    }
  }
}

/// Rows of x, and a matrix of −1, 0 and 1 in turn.
Sample sample(Shape x, std::int64_t out, bool biased) {
  const std::int64_t in = x.back();
  Tensor rows(DType::f32, x), bias(DType::f32, {out});
  float value = -2;
  for (float& element : rows.mutable_values<float>()) element = value = value > 2 ? -2 : value + 0.3f;
  for (float& element : bias.mutable_values<float>()) element = value += 1;
  Tensor weights(DType::u8, {out, ternary_blocks(in) * kTernaryBytes});
  unsigned code = 0;
  for (std::uint8_t& byte : weights.mutable_values<std::uint8_t>())
    for (unsigned s = 0; s < 8; s += 2, code = (code + 1) % 3)
      byte = static_cast<std::uint8_t>(byte | code << s);
  Sample result{.shapes = {std::move(x), weights.shape(), {}},
                .fixed = {{0, std::move(rows)}, {1, std::move(weights)}, {2, Tensor::scalar(0.25f)}}};
  if (!biased) return result;
  result.shapes.push_back({out});
  result.fixed.emplace_back(kBias, std::move(bias));
  return result;
}

}  // namespace

namespace ops {
extern const Op packed_bit_linear{.name = "PackedBitLinear",
                                  .domain = "dormouse",
                                  .min_inputs = 3,
                                  .max_inputs = 4,
                                  .infer = infer,
                                  .kernels = {{DType::f32, compute}},
                                  .scratch = scratch,
                                  .samples = {sample({3, 5}, 4, true), sample({2, 3, 300}, 7, false)}};
}  // namespace ops

}  // namespace dormouse::engine
