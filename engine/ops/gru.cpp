#include "engine/ops/recurrent_gradient.h"

/// GRU. With the gates z and r of X·Wᵀ + h·Rᵀ + b (activation f) and the candidate
/// n = g(X·Wᵀ + (r⊙h)·Rᵀ + b), or g(X·Wᵀ + b + r⊙(h·Rᵀ + b')) with linear_before_reset:
/// h' = (1 − z)⊙n + z⊙h.
namespace dormouse::engine {
namespace {

using namespace recurrent;

const Kind kKind{.gates = 3, .states = 1, .activations = {"Sigmoid", "Tanh"}};

void infer(InferContext& context) { recurrent::infer(context, kKind); }
std::size_t scratch(const KernelContext& context) { return recurrent::scratch(context, kKind); }

template <class T>
void add_bias(const Step<T>& step, std::int64_t first, std::int64_t count, T* values) {
  if (!step.bias) return;
  const T* const bias = step.bias + first * step.hidden;
  for (std::int64_t j = 0; j < count * step.hidden; ++j) values[j] += bias[j];
}

/// What of the state reaches the candidate goes to `spare`: (r⊙h)·Rᵀ + b, or r⊙(h·Rᵀ + b).
template <class T>
void reset(const Step<T>& step) {
  const std::int64_t n = step.hidden, all = step.batch * n;
  T* const reached = step.spare;
  T* const kept = step.spare + all;
  const bool linear_first = step.attributes->integer("linear_before_reset", 0) != 0;
  if (linear_first) step.recur(step.h, 2, 1, false, reached, n);
  for (std::int64_t b = 0; b < step.batch; ++b) {
    const T* const r = step.row(b) + n;
    if (linear_first) {
      add_bias(step, 2, 1, reached + b * n);
      for (std::int64_t j = 0; j < n; ++j) reached[b * n + j] *= r[j];
    } else {
      for (std::int64_t j = 0; j < n; ++j) kept[b * n + j] = r[j] * step.h[b * n + j];
    }
  }
  if (linear_first) return;
  step.recur(kept, 2, 1, false, reached, n);
  for (std::int64_t b = 0; b < step.batch; ++b) add_bias(step, 2, 1, reached + b * n);
}

template <class T>
void cell(const Step<T>& step) noexcept {
  const std::int64_t n = step.hidden;
  step.recur(step.h, 0, 2, true, step.gates, step.gate_stride);
  for (std::int64_t b = 0; b < step.batch; ++b) {
    add_bias(step, 0, 2, step.row(b));
    step.activate(0, step.row(b), 2 * n);
  }
  reset(step);
  for (std::int64_t b = 0; b < step.batch; ++b) {
    const T* const z = step.row(b);
    T* const candidate = step.row(b) + 2 * n;
    for (std::int64_t j = 0; j < n; ++j) candidate[j] += step.spare[b * n + j];
    step.activate(1, candidate, n);
    for (std::int64_t j = 0; j < n; ++j)
      step.next_h[b * n + j] = (T{1} - z[j]) * candidate[j] + z[j] * step.h[b * n + j];
  }
}

template <class T>
void compute(const KernelContext& context) noexcept {
  recurrent::run<T>(context, kKind, cell<T>);
}

UnrolledState unrolled(const UnrolledStep& step) {
  const std::vector<Value> reached = step.recur(step.h, 0, 2);
  const Value z = step.activate(0, step.gates[0] + reached[0]);
  const Value r = step.activate(0, step.gates[1] + reached[1]);
  const bool linear_first = step.attributes->integer("linear_before_reset", 0) != 0;
  const Value kept = linear_first ? r * step.recur(step.h, 2, 1)[0] : step.recur(r * step.h, 2, 1)[0];
  const Value n = step.activate(1, step.gates[2] + kept);
  return {(1.0 - z) * n + z * step.h, {}};
}

Gradients gradient(const GradientContext& context) { return recurrent::gradient(context, kKind, unrolled); }

}  // namespace

namespace ops {
extern const Op gru{.name = "GRU",
                    .since = 7,
                    .min_inputs = 3,
                    .max_inputs = 6,
                    .max_outputs = 2,
                    .infer = infer,
                    .kernels = kernels<float, double>(compute<float>, compute<double>),
                    .gradient = gradient,
                    .scratch = scratch,
                    .samples = {{.shapes = {{3, 2, 4}, {1, 9, 4}, {1, 9, 3}, {1, 18}}},
                                {.shapes = {{3, 2, 4}, {1, 4, 9}, {1, 3, 9}, {1, 18}},
                                 .attributes = {{std::string(kTransposed), std::int64_t{1}}}},
                                {.shapes = {{2, 3, 4}, {2, 9, 4}, {2, 9, 3}, {2, 18}, {2}, {2, 2, 3}},
                                 .attributes = {{"layout", std::int64_t{1}},
                                                {"direction", std::string("bidirectional")},
                                                {"linear_before_reset", std::int64_t{1}}},
                                 .fixed = {{4, Tensor::from<std::int32_t>({2}, {1, 3})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
