#include <algorithm>

#include "engine/ops/inference.h"

/// ReverseSequence(x, lengths): of each batch the first `length` steps in reverse order.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  const std::int64_t batch = context.attributes().integer("batch_axis", 1),
                     time = context.attributes().integer("time_axis", 0);
  context.require(context.dtype(1) == DType::i64, "the lengths are not i64");
  context.require((batch == 0 && time == 1) || (batch == 1 && time == 0),
                  "batch_axis and time_axis are not 0 and 1, or 1 and 0");
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  const Shape& shape = context.shape(0);
  context.require(shape.rank() >= 2, "expects a rank of at least 2");
  const std::int64_t batches = shape[static_cast<std::size_t>(batch)];
  if (context.has_shape(1))
    context.require(compatible(context.shape(1), {batches}), "there is not one length per batch");
  context.set_output(0, context.dtype(0), shape);
}

// A length beyond the time axis reverses all of it.
void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const bool time_first = context.attributes.integer("time_axis", 0) == 0;
  const std::int64_t steps = shape[time_first ? 0 : 1], batches = shape[time_first ? 1 : 0];
  const std::int64_t bytes =
      shape.elements(2, shape.rank()) * static_cast<std::int64_t>(size_of(context.inputs[0].dtype));
  const auto place = [&](std::int64_t batch, std::int64_t step) {
    return (time_first ? step * batches + batch : batch * steps + step) * bytes;
  };
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    const std::int64_t length =
        std::clamp<std::int64_t>(context.in<std::int64_t>(1)[static_cast<std::size_t>(batch)], 0, steps);
    for (std::int64_t step = 0; step < steps; ++step)
      std::copy_n(context.inputs[0].data + place(batch, step < length ? length - 1 - step : step), bytes,
                  context.outputs[0].data + place(batch, step));
  }
}

Gradients gradient(const GradientContext& context) {
  return {apply("ReverseSequence", {context.upstream(), context.input(1)}, context.attributes())};
}

}  // namespace

namespace ops {
extern const Op reverse_sequence{
    .name = "ReverseSequence",
    .since = 10,
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer,
    .kernels = moving_kernels(compute, compute, compute, compute),
    .gradient = gradient,
    .samples = {{.shapes = {{4, 2, 3}, {2}}, .fixed = {{1, Tensor::from<std::int64_t>({2}, {3, 4})}}},
                {.shapes = {{2, 4}, {2}},
                 .attributes = {{"batch_axis", std::int64_t{0}}, {"time_axis", std::int64_t{1}}},
                 .fixed = {{1, Tensor::from<std::int64_t>({2}, {1, 3})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
