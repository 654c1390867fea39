#include "engine/ops/inference.h"

/// EwcPull(parameter, anchor, fisher, k scalar): the implicit step of elastic weight consolidation,
/// (parameter + k·fisher·anchor) / (1 + k·fisher), with k = 2 · learning rate · λ. Stable for any k ≥ 0.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  const DType type = context.dtype(0);
  for (std::size_t i = 1; i < 4; ++i) context.require(context.dtype(i) == type, "inputs differ in type");
  for (std::size_t i = 1; i < 3; ++i)
    context.require(!context.has_shape(0) || !context.has_shape(i) || context.shape(0) == context.shape(i),
                    "parameter, anchor and fisher differ in shape");
  context.require(!context.has_shape(3) || context.shape(3).rank() == 0, "k is not a scalar");
  context.has_shape(0) ? context.set_output(0, type, context.shape(0)) : context.set_output(0, type);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const std::span<const T> parameter = context.in<T>(0), anchor = context.in<T>(1), fisher = context.in<T>(2);
  const T k = context.in<T>(3)[0];
  const std::span<T> out = context.out<T>(0);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const T pull = k * fisher[i];
    out[i] = (parameter[i] + pull * anchor[i]) / (1 + pull);
  }
}

}  // namespace

namespace ops {
extern const Op ewc_pull{.name = "EwcPull",
                         .domain = "dormouse",
                         .min_inputs = 4,
                         .max_inputs = 4,
                         .infer = infer,
                         .kernels = kernels<float, double>(compute<float>, compute<double>),
                         .in_place = true,
                         .elementwise = true,
                         .updates = true,
                         .samples = {{.shapes = {{3, 5}, {3, 5}, {3, 5}, {}}, .low = 0.1}}};
}  // namespace ops

}  // namespace dormouse::engine
