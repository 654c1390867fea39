#include <algorithm>

#include "engine/ops/recurrent_gradient.h"

/// LSTM. With the gates i, o, f (peepholes P, activation f) and the candidate g (activation g), all of
/// X·Wᵀ + h·Rᵀ + b: c' = f⊙c + i⊙g, h' = o⊙h(c'). With input_forget f = 1 − i.
namespace dormouse::engine {
namespace {

using namespace recurrent;

const Kind kKind{.gates = 4, .states = 2, .activations = {"Sigmoid", "Tanh", "Tanh"}};

void infer(InferContext& context) { recurrent::infer(context, kKind); }
std::size_t scratch(const KernelContext& context) { return recurrent::scratch(context, kKind); }

/// values += peephole ⊙ state.
template <class T>
void peep(const T* peephole, const T* state, std::int64_t count, T* values) {
  if (!peephole) return;
  for (std::int64_t j = 0; j < count; ++j) values[j] += peephole[j] * state[j];
}

/// One element of the batch, its gates complete but for peepholes.
template <class T>
void gate(const Step<T>& step, T* row, const T* c, T* next_c, T* next_h, bool coupled) noexcept {
  const std::int64_t n = step.hidden;
  T* const i = row;
  T* const o = row + n;
  T* const f = row + 2 * n;
  T* const g = row + 3 * n;
  const T* const p = step.peephole;  // of i, o and f
  peep(p, c, n, i);
  peep(p ? p + 2 * n : nullptr, c, n, f);
  step.activate(0, i, n);
  step.activate(1, g, n);
  if (coupled)
    for (std::int64_t j = 0; j < n; ++j) f[j] = T{1} - i[j];
  else
    step.activate(0, f, n);
  for (std::int64_t j = 0; j < n; ++j) next_c[j] = f[j] * c[j] + i[j] * g[j];
  peep(p ? p + n : nullptr, static_cast<const T*>(next_c), n, o);
  step.activate(0, o, n);
  std::copy_n(next_c, n, next_h);
  step.activate(2, next_h, n);
  for (std::int64_t j = 0; j < n; ++j) next_h[j] *= o[j];
}

template <class T>
void cell(const Step<T>& step) noexcept {
  const std::int64_t n = step.hidden;
  const bool coupled = step.attributes->integer("input_forget", 0) != 0;
  step.recur(step.h, 0, 4, true, step.gates, step.gate_stride);
  for (std::int64_t b = 0; b < step.batch; ++b) {
    T* const row = step.row(b);
    if (step.bias)
      for (std::int64_t j = 0; j < 4 * n; ++j) row[j] += step.bias[j];
    gate(step, row, step.c + b * n, step.next_c + b * n, step.next_h + b * n, coupled);
  }
}

template <class T>
void compute(const KernelContext& context) noexcept {
  recurrent::run<T>(context, kKind, cell<T>);
}

UnrolledState unrolled(const UnrolledStep& step) {
  std::vector<Value> gates = step.recur(step.h, 0, 4);  // i, o, f, g
  for (std::size_t k = 0; k < 4; ++k) gates[k] = step.gates[k] + gates[k];
  const auto peeped = [&](std::size_t gate, Value c) {
    return step.peepholes.empty() ? gates[gate] : gates[gate] + step.peepholes[gate] * c;
  };
  const bool coupled = step.attributes->integer("input_forget", 0) != 0;
  const Value i = step.activate(0, peeped(0, step.c)), g = step.activate(1, gates[3]);
  const Value f = coupled ? 1.0 - i : step.activate(0, peeped(2, step.c));
  const Value c = f * step.c + i * g;
  return {step.activate(0, peeped(1, c)) * step.activate(2, c), c};
}

Gradients gradient(const GradientContext& context) { return recurrent::gradient(context, kKind, unrolled); }

Sample with_everything() {
  return {.shapes = {{3, 2, 4}, {2, 12, 4}, {2, 12, 3}, {2, 24}, {2}, {2, 2, 3}, {2, 2, 3}, {2, 9}},
          .attributes = {{"direction", std::string("bidirectional")},
                         {"clip", 1.5f},
                         {"input_forget", std::int64_t{1}}},
          .fixed = {{4, Tensor::from<std::int32_t>({2}, {3, 1})}}};
}

}  // namespace

namespace ops {
extern const Op lstm{
    .name = "LSTM",
    .since = 7,
    .min_inputs = 3,
    .max_inputs = 8,
    .max_outputs = 3,
    .infer = infer,
    .kernels = kernels<float, double>(compute<float>, compute<double>),
    .gradient = gradient,
    .scratch = scratch,
    .samples = {{.shapes = {{3, 2, 4}, {1, 12, 4}, {1, 12, 3}, {1, 24}}},
                {.shapes = {{2, 3, 4}, {1, 20, 4}, {1, 20, 5}},
                 .attributes = {{"layout", std::int64_t{1}}, {"direction", std::string("reverse")}}},
                {.shapes = {{3, 2, 4}, {1, 4, 12}, {1, 3, 12}, {1, 24}},
                 .attributes = {{std::string(kTransposed), std::int64_t{1}}}},
                with_everything()}};
}  // namespace ops

}  // namespace dormouse::engine
