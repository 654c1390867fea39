#include "engine/ops/reduction.h"

namespace dormouse::engine {
namespace {

// What an empty or missing list of axes means: everything, or with noop_with_empty_axes nothing.
bool reduces_all(const IntegerList& axes, const Attributes& attributes) {
  return axes.values.empty() && attributes.integer("noop_with_empty_axes", 0) == 0;
}

std::vector<bool> mask_of(const KernelContext& context) {
  const IntegerList axes = integer_list(context, "axes", 1);
  const std::size_t rank = context.shape(0).rank();
  return reduces_all(axes, context.attributes) ? std::vector<bool>(rank, true) : axis_mask(axes.values, rank);
}

}  // namespace

void infer_reduction(InferContext& context) {
  const DType type = context.dtype(0);
  const bool keep = context.attributes().integer("keepdims", 1) != 0;
  static_cast<void>(context.attributes().integer("noop_with_empty_axes", 0));
  const IntegerList axes = integer_list(context, "axes", 1);
  if (!axes.known || !context.has_shape(0)) return context.set_output(0, type);
  const Shape& in = context.shape(0);
  const std::vector<bool> mask = reduces_all(axes, context.attributes())
                                     ? std::vector<bool>(in.rank(), true)
                                     : axis_mask(context, axes.values, in.rank());
  Shape out;
  for (std::size_t d = 0; d < in.rank(); ++d) {
    if (!mask[d])
      out.push_back(in[d]);
    else if (keep)
      out.push_back(1);
  }
  context.set_output(0, type, std::move(out));
}

std::vector<std::int64_t> reduced_strides(const KernelContext& context) {
  const Shape& in = context.shape(0);
  const std::vector<bool> mask = mask_of(context);
  std::vector<std::int64_t> result(in.rank(), 0);
  std::int64_t stride = 1;
  for (std::size_t d = in.rank(); d-- > 0;) {
    if (mask[d]) continue;
    result[d] = stride;
    stride *= in[d];
  }
  return result;
}

std::vector<std::int64_t> reduced_axes(const GradientContext& context) {
  std::vector<std::int64_t> axes = context.attributes().integers("axes");
  if (context.has_input(1)) {
    const std::optional<Tensor>& given = context.input(1).info().constant;
    if (!given) throw Failure(Errc::unsupported, "no gradient of a reduction whose axes are computed");
    const auto values = given->values<std::int64_t>();
    axes.assign(values.begin(), values.end());
  }
  if (axes.empty() && context.attributes().integer("noop_with_empty_axes", 0) == 0)
    for (std::size_t d = 0; d < context.input(0).shape().rank(); ++d)
      axes.push_back(static_cast<std::int64_t>(d));
  return axes;
}

Value restore_axes(const GradientContext& context, Value y) {
  if (context.attributes().integer("keepdims", 1) != 0) return y;
  std::vector<std::int64_t> axes = reduced_axes(context);
  if (axes.empty()) return y;
  return unsqueeze(y, std::move(axes));
}

Value spread_upstream(const GradientContext& context) {
  return broadcast_to(restore_axes(context, context.upstream()), context.input(0));
}

Gradients extremum_reduction_gradient(const GradientContext& context) {
  const Value x = context.input(0), y = restore_axes(context, context.output(0));
  const Value chosen = cast(apply("Equal", {x, broadcast_to(y, x)}), x.dtype());
  const Value share = restore_axes(context, context.upstream()) / sum_to(chosen, y);
  return {chosen * broadcast_to(share, x)};
}

std::vector<Sample> reduction_samples(double low) {
  const auto axes = [](std::vector<std::int64_t> list, std::int64_t keep) -> Attributes {
    return {{"axes", std::move(list)}, {"keepdims", keep}};
  };
  return {{.shapes = {{2, 3, 4}}, .attributes = axes({1}, 1), .low = low},
          {.shapes = {{2, 3, 4}}, .attributes = axes({0, -1}, 0), .low = low},
          {.shapes = {{2, 40}}, .attributes = axes({1}, 0), .low = low},
          {.shapes = {{2, 3}}, .low = low},
          {.shapes = {{2, 3}}, .attributes = {{"noop_with_empty_axes", std::int64_t{1}}}, .low = low}};
}

}  // namespace dormouse::engine
