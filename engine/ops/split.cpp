#include <algorithm>

#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

// How an axis of `extent` is cut into `parts`: as told, or evenly with the last part the smallest.
std::vector<std::int64_t> lengths(const IntegerList& told, std::int64_t extent, std::size_t parts) {
  if (told.given) return told.values;
  const std::int64_t count = static_cast<std::int64_t>(parts), each = (extent + count - 1) / count;
  std::vector<std::int64_t> result(parts, each);
  for (std::int64_t i = 0; i < count; ++i)
    result[static_cast<std::size_t>(i)] = std::clamp<std::int64_t>(extent - i * each, 0, each);
  return result;
}

void infer(InferContext& context) {
  const std::int64_t axis = context.attributes().integer("axis", 0);
  const IntegerList told = integer_list(context, "split", 1);
  const auto unknown = [&] {
    for (std::size_t i = 0; i < context.outputs(); ++i) context.set_output(i, context.dtype(0));
  };
  if (!told.known || !context.has_shape(0)) return unknown();
  const Shape& in = context.shape(0);
  const std::size_t along = context.axis(axis, in.rank());
  if (!told.given && in[along] == kDynamic) return unknown();
  context.require(!told.given || told.values.size() == context.outputs(),
                  "split has not one length per output");
  const std::vector<std::int64_t> parts = lengths(told, in[along], context.outputs());
  std::int64_t total = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    context.require(parts[i] >= 0 && parts[i] <= kMaxElements, "a length is out of range");
    total += parts[i];
    Shape out = in;
    out[along] = parts[i];
    context.set_output(i, context.dtype(0), std::move(out));
  }
  context.require(in[along] == kDynamic || total == in[along], "the lengths do not add up to the axis");
}

void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const std::size_t along = axis_index(context.attributes.integer("axis", 0), shape.rank());
  const std::int64_t size = static_cast<std::int64_t>(size_of(context.inputs[0].dtype));
  const std::int64_t rows = shape.elements(0, along), row = shape.elements(along, shape.rank()) * size;
  std::int64_t done = 0;
  for (const View& output : context.outputs) {
    const std::int64_t run = output.shape->elements(along, shape.rank()) * size;
    if (output.present())
      for (std::int64_t r = 0; r < rows; ++r)
        std::copy_n(context.inputs[0].data + r * row + done, run, output.data + r * run);
    done += run;
  }
}

// A part that nothing reads gives zeros.
Gradients gradient(const GradientContext& context) {
  std::vector<ValueId> parts;
  for (std::size_t i = 0; i < context.node().outputs.size(); ++i) {
    const Value output = context.output(i), upstream = context.upstream(i);
    parts.push_back(upstream ? upstream.id : broadcast_to(scalar_like(output, 0), output).id);
  }
  Graph& graph = context.graph();
  const Attributes axis{{"axis", context.attributes().integer("axis", 0)}};
  return {Value{&graph, graph.add_node(*find_op("", "Concat"), parts, axis).front()}};
}

}  // namespace

namespace ops {
extern const Op split{.name = "Split",
                      .since = 2,
                      .max_inputs = 2,
                      .max_outputs = SIZE_MAX,
                      .infer = infer,
                      .kernels = moving_kernels(compute, compute, compute, compute),
                      .gradient = gradient,
                      .samples = {{.shapes = {{4, 3}}},
                                  {.shapes = {{2, 5}}, .attributes = {{"axis", std::int64_t{-1}}}},
                                  {.shapes = {{2, 5}, {2}},
                                   .attributes = {{"axis", std::int64_t{1}}},
                                   .fixed = {{1, Tensor::from<std::int64_t>({2}, {1, 4})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
