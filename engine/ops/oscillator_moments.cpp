#include <algorithm>

#include "engine/ops/inference.h"
#include "engine/ops/pairs.h"

/// OscillatorMoments(a [N, T, 2, C], w [N, T, 2, C]) → Σ_{n, t} a_t·w_{t−1}ᵀ [2, 2, C], with w₋₁ = 0: the
/// gradient that reaches the matrices of an OscillatorScan. With `reverse` w_{t−1} stands for w_{t+1}.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  context.require(context.dtype(0) == context.dtype(1), "inputs differ in type");
  check_attribute<std::int64_t>(context, "reverse");
  std::int64_t channels = kDynamic;
  for (std::size_t i = 0; i < 2; ++i) {
    pairs::check_sequence(context, i);
    if (context.has_shape(i))
      channels =
          pairs::common_extent(context, channels, context.shape(i)[3], "the sequences differ in channels");
  }
  if (context.has_shape(0) && context.has_shape(1))
    context.require(compatible(context.shape(0), context.shape(1)), "the sequences differ in shape");
  context.set_output(0, context.dtype(0), Shape{2, 2, channels});
}

std::size_t scratch(const KernelContext& context) {
  return static_cast<std::size_t>(4 * context.shape(0)[3]) * sizeof(double);
}

/// moments += a·wᵀ for every channel.
template <class T>
void add_products(std::int64_t channels, const T* __restrict a, const T* __restrict w,
                  T* __restrict moments) {
  const std::int64_t n = channels;
  for (std::int64_t c = 0; c < n; ++c) {
    moments[c] += a[c] * w[c];
    moments[n + c] += a[c] * w[n + c];
    moments[2 * n + c] += a[n + c] * w[c];
    moments[3 * n + c] += a[n + c] * w[n + c];
  }
}

// Long sums lose less when they are added up in parts.
constexpr std::int64_t kPart = 64;

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const std::int64_t steps = shape[1], channels = shape[3], pair = 2 * channels;
  const pairs::Order order(steps, pairs::is_reverse(context.attributes));
  const std::span<T> total = context.out<T>(0);
  const std::span<T> part{reinterpret_cast<T*>(context.scratch.data()), total.size()};
  std::ranges::fill(total, T{0});
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    const T* const a = context.in<T>(0).data() + n * steps * pair;
    const T* const w = context.in<T>(1).data() + n * steps * pair;
    for (std::int64_t first = 1; first < steps; first += kPart) {
      std::ranges::fill(part, T{0});
      for (std::int64_t i = first; i < std::min(first + kPart, steps); ++i)
        add_products(channels, a + order[i] * pair, w + order[i - 1] * pair, part.data());
      for (std::size_t i = 0; i < total.size(); ++i) total[i] += part[i];
    }
  }
}

// With G arriving: da_t = G·w_{t−1} and dw_t = Gᵀ·a_{t+1}.
Gradients gradient(const GradientContext& context) {
  const bool reverse = pairs::is_reverse(context.attributes());
  return {pairs::product(context.upstream(), pairs::previous(context.input(1), reverse)),
          pairs::transposed_product(context.upstream(), pairs::previous(context.input(0), !reverse))};
}

}  // namespace

namespace ops {
extern const Op oscillator_moments{
    .name = "OscillatorMoments",
    .domain = "dormouse",
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer,
    .kernels = kernels<float, double>(compute<float>, compute<double>),
    .gradient = gradient,
    .scratch = scratch,
    .samples = {{.shapes = {{2, 4, 2, 3}, {2, 4, 2, 3}}},
                {.shapes = {{1, 3, 2, 2}, {1, 3, 2, 2}}, .attributes = {{"reverse", std::int64_t{1}}}},
                {.shapes = {{2, 1, 2, 2}, {2, 1, 2, 2}}}}};
}  // namespace ops

}  // namespace dormouse::engine
