#include <algorithm>

#include "engine/kernel_call.h"
#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

// The positions that are kept, read as bytes, which files may fill with more than 0 and 1. The condition may
// be shorter than the axis, and what it says beyond is ignored.
std::vector<std::int64_t> kept(std::span<const std::uint8_t> condition, std::int64_t extent) {
  std::vector<std::int64_t> result;
  const std::int64_t count = std::min(extent, static_cast<std::int64_t>(condition.size()));
  for (std::int64_t i = 0; i < count; ++i)
    if (condition[static_cast<std::size_t>(i)] != 0) result.push_back(i);
  return result;
}

// The axis; without one the input is flattened first.
std::optional<std::size_t> axis_of(const Attributes& attributes, std::size_t rank) {
  const std::int64_t* const axis = attributes.find<std::int64_t>("axis");
  if (axis == nullptr) return std::nullopt;
  return axis_index(*axis, rank);
}

void infer(InferContext& context) {
  context.require(context.dtype(1) == DType::boolean, "the condition is not bool");
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  Shape shape = context.shape(0);
  if (const auto* const axis = context.attributes().find<std::int64_t>("axis"))
    context.axis(*axis, shape.rank());
  const std::optional<std::size_t> axis = axis_of(context.attributes(), shape.rank());
  const Tensor* const condition = context.constant(1);
  if (condition == nullptr || !shape.is_static()) return context.set_output(0, context.dtype(0));
  context.require(condition->shape().rank() == 1, "the condition is not a vector");
  if (!axis) shape = Shape{shape.elements()};
  std::int64_t& extent = shape[axis.value_or(0)];
  extent = static_cast<std::int64_t>(kept(view_of(*condition).values<std::uint8_t>(), extent).size());
  context.set_output(0, context.dtype(0), std::move(shape));
}

void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const std::optional<std::size_t> axis = axis_of(context.attributes, shape.rank());
  const std::int64_t outer = axis ? shape.elements(0, *axis) : 1,
                     extent = axis ? shape[*axis] : shape.elements(),
                     size = static_cast<std::int64_t>(size_of(context.inputs[0].dtype)),
                     run = (axis ? shape.elements(*axis + 1, shape.rank()) : 1) * size;
  const std::vector<std::int64_t> positions = kept(context.in<std::uint8_t>(1), extent);
  std::byte* to = context.outputs[0].data;
  for (std::int64_t o = 0; o < outer; ++o)
    for (const std::int64_t position : positions)
      to = std::copy_n(context.inputs[0].data + (o * extent + position) * run, run, to);
}

// What is kept is gathered at the places where the condition holds.
Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), upstream = context.upstream();
  const Value places = reshape(apply("NonZero", {context.input(1)}), {-1});
  const auto* const axis = context.attributes().find<std::int64_t>("axis");
  if (axis) return {apply("GatherGrad", {upstream, places, x}, {{"axis", *axis}}, "dormouse")};
  return {reshape_to(apply("GatherGrad", {upstream, places, reshape(x, {-1})}, {}, "dormouse"), x)};
}

}  // namespace

namespace ops {
extern const Op compress{.name = "Compress",
                         .since = 9,
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .infer = infer,
                         .kernels = moving_kernels(compute, compute, compute, compute),
                         .gradient = gradient,
                         .samples = {{.shapes = {{2, 3}, {3}},
                                      .attributes = {{"axis", std::int64_t{-1}}},
                                      .fixed = {{1, Tensor::from<bool>({3}, {true, false, true})}}},
                                     {.shapes = {{2, 3}, {4}},
                                      .fixed = {{1, Tensor::from<bool>({4}, {false, true, true, true})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
