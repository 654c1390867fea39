#include "engine/ops/recurrent_gradient.h"

/// CfC(X, W, R, B?, sequence_lens?, initial_h?, elapsed?): a closed-form continuous-time layer, a liquid
/// network whose equation is solved rather than integrated (Hasani et al. 2022, eq. 10). With the gates f, g,
/// a and b of X·Wᵀ + h·Rᵀ + biases
///
///   h' = (1 − t)⊙tanh(f) + t⊙tanh(g),  t = σ(a·elapsed + b),
///
/// without a backbone in front of the gates. `elapsed` is the time since the sample before, [steps, batch]
/// (or [batch, steps], as layout says); absent: 1. All else is as LSTM and GRU have it.
namespace dormouse::engine {
namespace {

using namespace recurrent;

const Kind kKind{.gates = 4, .states = 1, .activations = {"Tanh", "Tanh", "Sigmoid"}, .timed = true};

void infer(InferContext& context) { recurrent::infer(context, kKind); }
std::size_t scratch(const KernelContext& context) { return recurrent::scratch(context, kKind); }

template <class T>
void cell(const Step<T>& step) noexcept {
  const std::int64_t n = step.hidden;
  step.recur(step.h, 0, 4, true, step.gates, step.gate_stride);
  for (std::int64_t b = 0; b < step.batch; ++b) {
    T* const f = step.row(b);
    T* const g = f + n;
    T* const t = g + n;
    const T* const shift = t + n;
    if (step.bias)
      for (std::int64_t j = 0; j < 4 * n; ++j) f[j] += step.bias[j];
    const T elapsed = step.elapsed ? step.elapsed[b * step.elapsed_stride] : T{1};
    for (std::int64_t j = 0; j < n; ++j) t[j] = t[j] * elapsed + shift[j];
    step.activate(0, f, n);
    step.activate(1, g, n);
    step.activate(2, t, n);
    T* const next = step.next_h + b * n;
    for (std::int64_t j = 0; j < n; ++j) next[j] = (T{1} - t[j]) * f[j] + t[j] * g[j];
  }
}

template <class T>
void compute(const KernelContext& context) noexcept {
  recurrent::run<T>(context, kKind, cell<T>);
}

UnrolledState unrolled(const UnrolledStep& step) {
  std::vector<Value> gates = step.recur(step.h, 0, 4);
  for (std::size_t k = 0; k < 4; ++k) gates[k] = step.gates[k] + gates[k];
  const Value time = (step.elapsed ? gates[2] * step.elapsed : gates[2]) + gates[3];
  const Value f = step.activate(0, gates[0]), g = step.activate(1, gates[1]), t = step.activate(2, time);
  return {(1.0 - t) * f + t * g, {}};
}

Gradients gradient(const GradientContext& context) { return recurrent::gradient(context, kKind, unrolled); }

Sample timed(Shape x, Shape h, Shape elapsed, std::int64_t layout) {
  return {.shapes = {std::move(x), {1, 12, 4}, {1, 12, 3}, {1, 24}, {2}, std::move(h), std::move(elapsed)},
          .attributes = {{"layout", layout}},
          .fixed = {{4, Tensor::from<std::int32_t>({2}, {3, 1})}}};
}

}  // namespace

namespace ops {
extern const Op cfc{.name = "CfC",
                    .domain = "dormouse",
                    .min_inputs = 3,
                    .max_inputs = 7,
                    .max_outputs = 2,
                    .infer = infer,
                    .kernels = kernels<float, double>(compute<float>, compute<double>),
                    .gradient = gradient,
                    .scratch = scratch,
                    .samples = {{.shapes = {{3, 2, 4}, {1, 12, 4}, {1, 12, 3}, {1, 24}}},
                                {.shapes = {{3, 2, 4}, {1, 4, 12}, {1, 3, 12}, {1, 24}},
                                 .attributes = {{std::string(kTransposed), std::int64_t{1}}}},
                                {.shapes = {{3, 2, 4}, {2, 12, 4}, {2, 12, 3}, {2, 24}, {2}, {2, 2, 3}},
                                 .attributes = {{"direction", std::string("bidirectional")}},
                                 .fixed = {{4, Tensor::from<std::int32_t>({2}, {3, 1})}}},
                                timed({3, 2, 4}, {1, 2, 3}, {3, 2}, 0),
                                timed({2, 3, 4}, {2, 1, 3}, {2, 3}, 1)}};
}  // namespace ops

}  // namespace dormouse::engine
