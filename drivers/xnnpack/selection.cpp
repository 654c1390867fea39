#include <xnnpack.h>

#include <algorithm>
#include <optional>
#include <string>

#include "drivers/xnnpack/operands.h"
#include "engine/shape.h"

/// What takes parts of a value, or puts something around it.
namespace dormouse::drivers::xnnpack {
namespace {

using engine::Graph;
using engine::Node;
using engine::Shape;
using Integers = std::vector<std::int64_t>;

/// Where a part begins, axis by axis, in the rows of a value; its extents are the output's.
using Offsets = std::optional<Integers>;

std::optional<Integers> integers(const Graph& graph, const Node& node, std::size_t i) {
  const engine::Tensor* const tensor = constant(graph, node, i);
  if (!tensor || (tensor->dtype() != engine::DType::i64 && tensor->dtype() != engine::DType::i32))
    return std::nullopt;
  const engine::Tensor wide = tensor->as(engine::DType::i64);
  const auto values = wide.values<std::int64_t>();
  return Integers(values.begin(), values.end());
}

Offsets slice_offsets(const Graph& graph, const Node& node) {
  const Shape& shape = input_shape(graph, node, 0);
  Integers starts = node.attributes.integers("starts"), axes = node.attributes.integers("axes");
  if (node.inputs.size() > 1) {
    const auto given = integers(graph, node, 1);
    if (!given) return std::nullopt;
    starts = *given;
  }
  if (has_input(node, 3)) {
    const auto given = integers(graph, node, 3);
    if (!given) return std::nullopt;
    axes = *given;
  }
  if (has_input(node, 4)) {
    const auto steps = integers(graph, node, 4);
    if (!steps || std::ranges::any_of(*steps, [](std::int64_t step) { return step != 1; }))
      return std::nullopt;
  }
  if (axes.empty())
    for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  Integers offsets(shape.rank(), 0);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::size_t axis = *engine::normalise_axis(axes[i], shape.rank());
    const std::int64_t start = starts[i] < 0 ? starts[i] + shape[axis] : starts[i];
    offsets[axis] = std::clamp<std::int64_t>(start, 0, shape[axis]);
  }
  return offsets;
}

/// A part of `from` of the size of `to`, both in `layout`.
void take(Builder& builder, engine::ValueId from, engine::ValueId to, const Integers& offsets,
          Layout layout) {
  const Shape& part = builder.info(to).shape;
  const Extents sizes = extents(part, layout);
  Extents begins(sizes.size(), 0);
  for (std::size_t axis = 0; axis < offsets.size(); ++axis)
    begins[axis_in(layout, axis, part.rank())] = static_cast<std::size_t>(offsets[axis]);
  const Id whole = builder.in(from, layout);
  check(xnn_define_static_slice(builder.subgraph(), sizes.size(), begins.data(), sizes.data(), whole,
                                builder.out(to, layout), 0),
        "a part");
}

bool supports_slice(const Graph& graph, const Node& node) {
  return input_shape(graph, node, 0).rank() > 0 && slice_offsets(graph, node).has_value();
}

void emit_slice(Builder& builder, const Node& node) {
  take(builder, node.inputs[0], node.outputs[0], *slice_offsets(builder.graph(), node),
       selection_layout(builder, node));
}

std::size_t split_axis(const Graph& graph, const Node& node) {
  return *engine::normalise_axis(node.attributes.integer("axis", 0), input_shape(graph, node, 0).rank());
}

bool supports_split(const Graph& graph, const Node& node) { return input_shape(graph, node, 0).rank() > 0; }

void emit_split(Builder& builder, const Node& node) {
  const Layout layout = selection_layout(builder, node);
  const std::size_t axis = split_axis(builder.graph(), node);
  Integers offsets(input_shape(builder.graph(), node, 0).rank(), 0);
  for (const engine::ValueId part : node.outputs) {
    take(builder, node.inputs[0], part, offsets, layout);
    offsets[axis] += builder.info(part).shape[axis];
  }
}

/// Zeros or another constant before and behind each axis; nothing when it is more than that.
struct Padding {
  Integers before, behind;
  float value = 0;
};

std::optional<Padding> padding(const Graph& graph, const Node& node) {
  const std::size_t rank = input_shape(graph, node, 0).rank();
  Padding result{Integers(rank, 0), Integers(rank, 0), 0};
  const auto axes = integers(graph, node, 3);
  const auto pads =
      has_input(node, 1) ? integers(graph, node, 1) : std::optional(node.attributes.integers("pads"));
  result.value = node.attributes.get<float>("value", 0);
  if (node.attributes.get<std::string>("mode", "constant") != "constant" || !pads) return std::nullopt;
  if (has_input(node, 3) && !axes) return std::nullopt;
  if (has_input(node, 2)) {
    const engine::Tensor* const value = constant(graph, node, 2);
    if (!value) return std::nullopt;
    result.value = value->values<float>()[0];
  }
  const std::size_t count = pads->size() / 2;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t axis = axes ? *engine::normalise_axis((*axes)[i], rank) : i;
    result.before[axis] = (*pads)[i];
    result.behind[axis] = (*pads)[i + count];
  }
  const auto negative = [](std::int64_t pad) { return pad < 0; };
  if (std::ranges::any_of(result.before, negative) || std::ranges::any_of(result.behind, negative))
    return std::nullopt;
  return result;
}

bool supports_pad(const Graph& graph, const Node& node) {
  return input_shape(graph, node, 0).rank() > 0 && padding(graph, node).has_value();
}

void emit_pad(Builder& builder, const Node& node) {
  const Layout layout = selection_layout(builder, node);
  const Padding pads = *padding(builder.graph(), node);
  const std::size_t rank = pads.before.size();
  Extents before(extents(output_shape(builder.graph(), node), layout).size(), 0), behind = before;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    before[axis_in(layout, axis, rank)] = static_cast<std::size_t>(pads.before[axis]);
    behind[axis_in(layout, axis, rank)] = static_cast<std::size_t>(pads.behind[axis]);
  }
  const Id from = builder.in(node.inputs[0], layout);
  check(xnn_define_static_constant_pad(builder.subgraph(), before.data(), behind.data(), pads.value, from,
                                       builder.out(node.outputs[0], layout), 0),
        "a Pad");
}

}  // namespace

extern const Kernel pad{"Pad", supports_pad, emit_pad, false};
extern const Kernel slice{"Slice", supports_slice, emit_slice, false};
extern const Kernel split{"Split", supports_split, emit_split, false, EightBit::refused, true};

}  // namespace dormouse::drivers::xnnpack
