#include <algorithm>

#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  const std::int64_t axis = context.attributes().integer("axis", 1);  // 1 was the default before opset 4
  bool known = true;
  for (std::size_t i = 0; i < context.inputs(); ++i) {
    context.require(context.has_input(i), "an input is missing");
    context.require(context.dtype(i) == context.dtype(0), "inputs differ in type");
    known = known && context.has_shape(i);
  }
  if (!known) return context.set_output(0, context.dtype(0));
  Shape out = context.shape(0);
  const std::size_t along = context.axis(axis, out.rank());
  for (std::size_t i = 1; i < context.inputs(); ++i) {
    const Shape& next = context.shape(i);
    context.require(next.rank() == out.rank(), "inputs differ in rank");
    for (std::size_t d = 0; d < out.rank(); ++d) {
      if (d == along) {
        out[d] = out[d] == kDynamic || next[d] == kDynamic ? kDynamic : out[d] + next[d];
      } else {
        context.require(compatible(out[d], next[d]), "inputs differ off the axis");
        if (out[d] == kDynamic) out[d] = next[d];
      }
    }
  }
  set_checked_output(context, 0, context.dtype(0), std::move(out));
}

// Each input gives every outer row a run of bytes.
void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.output_shape(0);
  const std::size_t along = axis_index(context.attributes.integer("axis", 1), shape.rank());
  const std::int64_t size = static_cast<std::int64_t>(size_of(context.outputs[0].dtype));
  const std::int64_t rows = shape.elements(0, along), row = shape.elements(along, shape.rank()) * size;
  std::int64_t done = 0;
  for (const View& input : context.inputs) {
    const std::int64_t run = input.shape->elements(along, shape.rank()) * size;
    for (std::int64_t r = 0; r < rows; ++r)
      std::copy_n(input.data + r * run, run, context.outputs[0].data + r * row + done);
    done += run;
  }
}

Gradients gradient(const GradientContext& context) {
  const Value upstream = context.upstream();
  const std::int64_t axis = context.attributes().integer("axis", 1);
  const std::size_t along = axis_index(axis, upstream.shape().rank());
  const auto at = [&](std::int64_t value) { return integers(context.graph(), {value}); };
  Gradients result;
  std::int64_t start = 0;
  for (std::size_t i = 0; i < context.node().inputs.size(); ++i) {
    const std::int64_t extent = context.input(i).shape()[along];
    if (extent == kDynamic)
      throw Failure(Errc::unsupported, "Concat: no gradient along an axis whose extents are not known");
    result.push_back(apply("Slice", {upstream, at(start), at(start + extent), at(axis)}));
    start += extent;
  }
  return result;
}

Attributes along(std::int64_t axis) { return {{"axis", axis}}; }

}  // namespace

namespace ops {
extern const Op concat{.name = "Concat",
                       .max_inputs = SIZE_MAX,
                       .infer = infer,
                       .kernels = moving_kernels(compute, compute, compute, compute),
                       .gradient = gradient,
                       .samples = {{.shapes = {{2, 3}, {2, 1}, {2, 2}}, .attributes = along(1)},
                                   {.shapes = {{1, 3}, {2, 3}}, .attributes = along(-2)},
                                   {.shapes = {{3}}, .attributes = along(0)}}};
}  // namespace ops

}  // namespace dormouse::engine
