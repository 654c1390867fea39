#include <algorithm>
#include <cmath>

#include "engine/kernels/integer_gemm.h"
#include "engine/kernels/scratch.h"
#include "engine/kernels/ternary.h"
#include "engine/ops/inference.h"
#include "engine/value.h"

/// BitLinear(x, w, bias?): a linear layer of ternary weights and 8-bit activations (BitNet b1.58, Ma et al.
/// 2024). x is [.., in] and w [out, in], as they are trained; with γ = mean|w|, and for each row of x the
/// step δ = max|x| / 127,
///
///   y = γ·δ · round(x / δ) · clip(round(w / γ), −1, 1)ᵀ + bias.
///
/// Rounding has a slope of 0 wherever it has one, so gradients pass it as if it were not there
/// (straight-through, Wang et al. 2023): dx = g·ŵ and dw = gᵀ·x̂, with w and x as they are computed with. A
/// model that is only run has its weights packed (PackedBitLinear).
namespace dormouse::engine {
namespace {

constexpr std::size_t kBias = 2;

void infer(InferContext& context) {
  context.require(context.dtype(0) == context.dtype(1), "x and the weights differ in type");
  context.require(!context.has_input(kBias) || context.dtype(kBias) == context.dtype(0),
                  "x and the bias differ in type");
  context.set_output(0, context.dtype(0));
  if (!context.has_shape(0) || !context.has_shape(1)) return;
  const Shape &x = context.shape(0), &w = context.shape(1);
  context.require(w.rank() == 2, "the weights are no matrix");
  context.require(x.rank() >= 1 && (x.back() == w[1] || x.back() == kDynamic || w[1] == kDynamic),
                  "the last extent of x is not that of the weights");
  context.require(!context.has_input(kBias) || !context.has_shape(kBias) ||
                      (context.shape(kBias).rank() == 1 && compatible(context.shape(kBias), {w[0]})),
                  "the bias is not one for each row of the weights");
  Shape y = x;
  y[y.rank() - 1] = w[0];
  set_checked_output(context, 0, context.dtype(0), std::move(y));
}

struct Sizes {
  explicit Sizes(const KernelContext& context)
      : out(context.shape(1)[0]),
        in(context.shape(1)[1]),
        rows(out > 0 ? context.outputs[0].elements() / out : 0) {}
  std::int64_t out, in, rows;
};

std::size_t scratch(const KernelContext& context) {
  const Sizes size(context);
  return Scratch::bytes(size.rows * integer_row(size.in), sizeof(std::int16_t)) +
         Scratch::bytes(size.in * size.out, sizeof(std::int16_t)) +
         Scratch::bytes(size.rows * size.out, sizeof(std::int32_t)) +
         Scratch::bytes(size.rows, sizeof(float)) + Scratch::bytes(size.in, sizeof(float)) +
         Scratch::bytes(integer_row(size.in), sizeof(std::int8_t)) +
         Scratch::bytes(size.in * size.out, sizeof(float)) + integer_gemm_scratch(size.in);
}

/// The weights as −1, 0 and 1, transposed; returns their step.
template <class T>
float ternary_matrix(std::span<const T> w, const Sizes& size, std::span<float> weights, std::int16_t* to) {
  std::transform(w.begin(), w.end(), weights.begin(), [](T weight) { return static_cast<float>(weight); });
  const float scale = ternary_scale(weights);
  for (std::int64_t o = 0; o < size.out; ++o)
    for (std::int64_t i = 0; i < size.in; ++i)
      to[i * size.out + o] = ternary(weights[static_cast<std::size_t>(o * size.in + i)], scale);
  return scale;
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Sizes size(context);
  const std::span<T> y = context.out<T>(0);
  Scratch room(context.scratch);
  const std::int64_t pitch = integer_row(size.in);
  std::int16_t* const left = room.take<std::int16_t>(size.rows * pitch);
  std::int16_t* const right = room.take<std::int16_t>(size.in * size.out);
  std::int32_t* const sums = room.take<std::int32_t>(size.rows * size.out);
  float* const steps = room.take<float>(size.rows);
  const std::span row(room.take<float>(size.in), static_cast<std::size_t>(size.in));
  const std::span weights(room.take<float>(size.in * size.out), context.in<T>(1).size());
  const std::span small(room.take<std::int8_t>(pitch), static_cast<std::size_t>(pitch));
  for (std::int64_t r = 0; r < size.rows; ++r) {
    const auto x = context.in<T>(0).subspan(static_cast<std::size_t>(r * size.in), row.size());
    std::transform(x.begin(), x.end(), row.begin(), [](T value) { return static_cast<float>(value); });
    steps[r] = quantize_row(row, small);
    std::ranges::copy(small, left + r * pitch);
  }
  const float scale = ternary_matrix(context.in<T>(1), size, weights, right);
  integer_gemm(size.rows, size.out, size.in, left, right, sums, size.out, room.rest());
  for (std::int64_t r = 0; r < size.rows; ++r)
    for (std::int64_t o = 0; o < size.out; ++o) {
      const auto at = static_cast<std::size_t>(r * size.out + o);
      const T bias = context.has_input(kBias) ? context.in<T>(kBias)[static_cast<std::size_t>(o)] : T{0};
      y[at] = static_cast<T>(static_cast<float>(sums[at]) * (steps[r] * scale)) + bias;
    }
}

Value rounded(Value x) { return apply("Round", {x}); }
Value at_least_tiny(Value x) { return apply("Max", {x, scalar_like(x, kLeastScale)}); }

/// The weights as they are computed with.
Value as_ternary(Value w) {
  const Value scale = at_least_tiny(reduce_mean(apply("Abs", {w}), {0, 1}, true));
  return rounded(apply("Clip", {w / scale, scalar_like(w, -1), scalar_like(w, 1)})) * scale;
}

/// Rows [rows, in] as they are computed with.
Value as_steps(Value x) {
  const Value most = apply("ReduceMax", {apply("Abs", {x}), integers(*x.graph, {1})});
  const Value step = at_least_tiny(most) * (1.0 / kTernarySteps);
  return rounded(x / step) * step;
}

Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), w = context.input(1), arrived = context.upstream();
  const Value dx = matmul(arrived, as_ternary(w));
  const Value g = reshape(arrived, {-1, w.shape()[0]}), rows = reshape(x, {-1, w.shape()[1]});
  const Value dw = matmul(transpose(g, {1, 0}), as_steps(rows));
  if (!context.has_input(kBias)) return {dx, dw};
  return {dx, dw, reduce_sum(g, {0}, false)};
}

}  // namespace

namespace ops {
// Finite differences see the steps, which gradients pass: they are compared for the bias alone.
extern const Op bit_linear{.name = "BitLinear",
                           .domain = "dormouse",
                           .min_inputs = 2,
                           .max_inputs = 3,
                           .infer = infer,
                           .kernels = kernels<float, double>(compute<float>, compute<double>),
                           .gradient = gradient,
                           .scratch = scratch,
                           .samples = {{.shapes = {{3, 5}, {4, 5}, {4}}, .frozen = {0, 1}},
                                       {.shapes = {{2, 3, 130}, {7, 130}}, .frozen = {0, 1}}}};
}  // namespace ops

}  // namespace dormouse::engine
