#include <algorithm>

#include "engine/ops/inference.h"
#include "engine/ops/pairs.h"

/// OscillatorScan(x [N, T, 2, C], M [2, 2, C], w₋₁ [N, 2, C]?) → w [N, T, 2, C] with
///
///   w_t = M·w_{t−1} + x_t,
///
/// a 2×2 system for every channel: the damped harmonic oscillators of LinOSS (Rusch and Rus, ICLR 2025) and
/// D-LinOSS (Boyer et al. 2025), whatever their discretisation. Without w₋₁ they start at rest. With
/// `reverse` time runs from T − 1 to 0.
///
/// Its adjoint is itself: the scan of Mᵀ with time reversed. So a gradient is exact, has gradients of every
/// order, and stores no more than w.
///
/// It runs step by step and vectorises over the channels. A scan of logarithmic depth multiplies matrices
/// besides, and pays only with more cores than steps are deep; here a step costs nanoseconds beside the
/// microseconds of the products around it.
namespace dormouse::engine {
namespace {

using pairs::is_reverse;

void infer(InferContext& context) {
  const DType type = context.dtype(0);
  context.require(context.dtype(1) == type && (!context.has_input(2) || context.dtype(2) == type),
                  "inputs differ in type");
  check_attribute<std::int64_t>(context, "reverse");
  pairs::check_sequence(context, 0);
  pairs::check_matrices(context, 1);
  if (!context.has_shape(0)) return context.set_output(0, type);
  Shape shape = context.shape(0);
  shape[2] = 2;
  if (context.has_shape(1))
    shape[3] = pairs::common_extent(context, shape[3], context.shape(1)[2],
                                    "there is not one matrix for each channel");
  if (context.has_input(2) && context.has_shape(2)) {
    const Shape& state = context.shape(2);
    context.require(state.rank() == 3 && compatible(state[1], 2), "the state is not [batch, 2, channels]");
    shape[0] = pairs::common_extent(context, shape[0], state[0], "there is not one state for each sequence");
    shape[3] = pairs::common_extent(context, shape[3], state[2], "the state has not a pair for each channel");
  }
  context.set_output(0, type, std::move(shape));
}

/// One step of all channels; `x` may be `w`.
template <class T>
void step(std::int64_t channels, const T* m, const T* before, const T* x, T* w) {
  const std::int64_t n = channels;
#pragma GCC ivdep
  for (std::int64_t c = 0; c < n; ++c) {
    const T z = before[c], y = before[n + c];
    w[c] = m[c] * z + m[n + c] * y + x[c];
    w[n + c] = m[2 * n + c] * z + m[3 * n + c] * y + x[n + c];
  }
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const std::int64_t steps = shape[1], channels = shape[3], pair = 2 * channels;
  const pairs::Order order(steps, is_reverse(context.attributes));
  const T* const m = context.in<T>(1).data();
  for (std::int64_t n = 0; n < shape[0] && steps > 0; ++n) {
    const T* const x = context.in<T>(0).data() + n * steps * pair;
    T* const w = context.out<T>(0).data() + n * steps * pair;
    std::int64_t i = 0;
    const T* before = nullptr;
    if (context.has_input(2)) {
      before = context.in<T>(2).data() + n * pair;
    } else {
      before = std::copy_n(x + order.first * pair, pair, w + order.first * pair) - pair;
      i = 1;
    }
    for (; i < steps; ++i) {
      T* const now = w + order[i] * pair;
      step(channels, m, before, x + order[i] * pair, now);
      before = now;
    }
  }
}

// a = the scan of Mᵀ over what arrives, time reversed: dx = a, dM = Σ a_t·w_{t−1}ᵀ and dw₋₁ = Mᵀ·a_0.
Gradients gradient(const GradientContext& context) {
  const Value m = context.input(1);
  const bool reverse = is_reverse(context.attributes());
  const auto along = [](bool backwards) { return Attributes{{"reverse", std::int64_t{backwards}}}; };
  const Value a =
      apply("OscillatorScan", {context.upstream(), transpose(m, {1, 0, 2})}, along(!reverse), "dormouse");
  Value dm = apply("OscillatorMoments", {a, context.output(0)}, along(reverse), "dormouse");
  if (!context.has_input(2)) return {a, dm};
  const std::int64_t first = reverse ? -1 : 0;
  const Value a_first = apply("Gather", {a, integers(context.graph(), {first})}, {{"axis", std::int64_t{1}}});
  const Value state = unsqueeze(context.input(2), {1, 2});
  const Value outer = state * unsqueeze(a_first, {3});
  dm = dm + reduce_sum(outer, {0, 1}, false);
  return {a, dm, reduce_sum(pairs::transposed_product(m, a_first), {1}, false)};
}

Sample sample(std::vector<Shape> shapes, std::int64_t reverse) {
  return {.shapes = std::move(shapes), .attributes = {{"reverse", reverse}}, .low = -0.7, .high = 0.7};
}

}  // namespace

namespace ops {
extern const Op oscillator_scan{
    .name = "OscillatorScan",
    .domain = "dormouse",
    .min_inputs = 2,
    .max_inputs = 3,
    .infer = infer,
    .kernels = kernels<float, double>(compute<float>, compute<double>),
    .gradient = gradient,
    .in_place = true,
    .samples = {sample({{2, 4, 2, 3}, {2, 2, 3}}, 0), sample({{2, 4, 2, 3}, {2, 2, 3}, {2, 2, 3}}, 0),
                sample({{2, 3, 2, 5}, {2, 2, 5}, {2, 2, 5}}, 1), sample({{1, 1, 2, 2}, {2, 2, 2}}, 1)}};
}  // namespace ops

}  // namespace dormouse::engine
