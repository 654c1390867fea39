#include "engine/ops/recurrent_gradient.h"

/// RNN: h' = f(X·Wᵀ + h·Rᵀ + b).
namespace dormouse::engine {
namespace {

using namespace recurrent;

const Kind kKind{.gates = 1, .states = 1, .activations = {"Tanh"}};

void infer(InferContext& context) { recurrent::infer(context, kKind); }
std::size_t scratch(const KernelContext& context) { return recurrent::scratch(context, kKind); }

template <class T>
void cell(const Step<T>& step) noexcept {
  step.recur(step.h, 0, 1, true, step.gates, step.gate_stride);
  for (std::int64_t b = 0; b < step.batch; ++b) {
    const T* const row = step.row(b);
    T* const next = step.next_h + b * step.hidden;
    for (std::int64_t i = 0; i < step.hidden; ++i) next[i] = row[i] + (step.bias ? step.bias[i] : T{0});
    step.activate(0, next, step.hidden);
  }
}

template <class T>
void compute(const KernelContext& context) noexcept {
  recurrent::run<T>(context, kKind, cell<T>);
}

UnrolledState unrolled(const UnrolledStep& step) {
  return {step.activate(0, step.gates[0] + step.recur(step.h, 0, 1)[0]), {}};
}

Gradients gradient(const GradientContext& context) { return recurrent::gradient(context, kKind, unrolled); }

}  // namespace

namespace ops {
extern const Op rnn{
    .name = "RNN",
    .since = 7,
    .min_inputs = 3,
    .max_inputs = 6,
    .max_outputs = 2,
    .infer = infer,
    .kernels = kernels<float, double>(compute<float>, compute<double>),
    .gradient = gradient,
    .scratch = scratch,
    .samples = {{.shapes = {{3, 2, 4}, {1, 5, 4}, {1, 5, 5}, {1, 10}}},
                {.shapes = {{2, 3, 4}, {2, 5, 4}, {2, 5, 5}},
                 .attributes = {{"layout", std::int64_t{1}},
                                {"direction", std::string("bidirectional")},
                                {"activations", std::vector<std::string>{"Relu", "Softsign"}}}}}};
}  // namespace ops

}  // namespace dormouse::engine
