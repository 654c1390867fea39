#include <algorithm>
#include <cstring>

#include "engine/ops/inference.h"

/// Dropout as inference has it: nothing is dropped.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  if (context.has_input(2)) {
    const Tensor* const training = context.constant(2);
    if (training == nullptr || training->dtype() != DType::boolean || training->elements() != 1 ||
        training->data()[0] != std::byte{0})
      context.unsupported("training_mode must be a constant false");
  }
  for (std::size_t i = 0; i < context.outputs(); ++i) {
    const DType type = i == 0 ? context.dtype(0) : DType::boolean;
    context.has_shape(0) ? context.set_output(i, type, context.shape(0)) : context.set_output(i, type);
  }
}

void compute(const KernelContext& context) noexcept {
  const View &in = context.inputs[0], &out = context.outputs[0];
  const std::size_t bytes = static_cast<std::size_t>(in.elements()) * size_of(in.dtype);
  if (bytes > 0) std::memmove(out.data, in.data, bytes);
  if (context.outputs.size() > 1 && context.outputs[1].present())
    std::ranges::fill(context.out<std::uint8_t>(1), std::uint8_t{1});
}

Gradients gradient(const GradientContext& context) { return {context.upstream()}; }

}  // namespace

namespace ops {
extern const Op dropout{.name = "Dropout",
                        .since = 7,
                        .max_inputs = 3,
                        .max_outputs = 2,
                        .infer = infer,
                        .kernels = moving_kernels(compute, compute, compute, compute),
                        .gradient = gradient,
                        .in_place = true,
                        .samples = {{.shapes = {{2, 3}}}}};
}  // namespace ops

}  // namespace dormouse::engine
