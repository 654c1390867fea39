#include <xnnpack.h>

#include <algorithm>
#include <vector>

#include "drivers/xnnpack/operands.h"

namespace dormouse::drivers::xnnpack {
namespace {

using engine::Graph;
using engine::Node;

/// The axes that ReduceSum and ReduceMean sum over, ascending; none when they are computed or nothing is
/// summed.
std::vector<std::size_t> reduced_axes(const Graph& graph, const Node& node) {
  const std::size_t rank = input_shape(graph, node, 0).rank();
  if (has_input(node, 1) && !constant(graph, node, 1)) return {};
  std::vector<std::int64_t> given = node.attributes.integers("axes");
  if (const engine::Tensor* axes = constant(graph, node, 1))
    given.assign(axes->values<std::int64_t>().begin(), axes->values<std::int64_t>().end());
  std::vector<std::size_t> result;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const auto front = static_cast<std::int64_t>(axis), back = front - static_cast<std::int64_t>(rank);
    const bool named = std::ranges::any_of(given, [&](std::int64_t g) { return g == front || g == back; });
    const bool all = given.empty() && node.attributes.integer("noop_with_empty_axes", 0) == 0;
    if (named || all) result.push_back(axis);
  }
  return result;
}

bool supports_reduction(const Graph& graph, const Node& node) { return !reduced_axes(graph, node).empty(); }

bool supports_global(const Graph& graph, const Node& node) { return is_image(input_shape(graph, node, 0)); }

bool spatial(std::span<const std::size_t> axes, std::size_t rank) {
  return axes.size() == rank - 2 && axes.front() == 2;
}

void define(Builder& builder, const Node& node, xnn_reduce_operator type, std::span<const std::size_t> axes,
            bool keeps) {
  const engine::Shape& shape = input_shape(builder.graph(), node, 0);
  const bool image = is_image(shape) && spatial(axes, shape.rank()) &&
                     builder.at_hand(node.inputs[0], Layout::channels_last);
  // A signal's height, 1, goes with its width.
  Extents where = image ? Extents{1, 2} : Extents(axes.begin(), axes.end());
  const Layout layout = image ? Layout::channels_last : Layout::rows;
  const Id from = builder.in(node.inputs[0], layout);
  const Id to = builder.out(node.outputs[0], keeps ? layout : Layout::rows);
  check(xnn_define_static_reduce(builder.subgraph(), type, where.size(), where.data(), from, to,
                                 keeps ? XNN_FLAG_KEEP_DIMS : 0),
        node.op->name);
}

template <xnn_reduce_operator type>
void emit_reduction(Builder& builder, const Node& node) {
  define(builder, node, type, reduced_axes(builder.graph(), node),
         node.attributes.integer("keepdims", 1) != 0);
}

void emit_global_average(Builder& builder, const Node& node) {
  std::vector<std::size_t> axes;
  for (std::size_t axis = 2; axis < input_shape(builder.graph(), node, 0).rank(); ++axis)
    axes.push_back(axis);
  define(builder, node, xnn_reduce_mean, axes, true);
}

bool supports_softmax(const Graph& graph, const Node& node) {
  const auto rank = static_cast<std::int64_t>(input_shape(graph, node, 0).rank());
  const std::int64_t axis = node.attributes.integer("axis", -1);
  return rank > 0 && (axis == -1 || axis == rank - 1);
}

void emit_softmax(Builder& builder, const Node& node) {
  const Id from = builder.in(node.inputs[0]);
  check(xnn_define_softmax(builder.subgraph(), from, builder.out(node.outputs[0]), 0), "a Softmax");
}

}  // namespace

extern const Kernel global_average_pool{"GlobalAveragePool", supports_global, emit_global_average, true,
                                        EightBit::between};
extern const Kernel reduce_mean{"ReduceMean", supports_reduction, emit_reduction<xnn_reduce_mean>, true,
                                EightBit::between};
extern const Kernel reduce_sum{"ReduceSum", supports_reduction, emit_reduction<xnn_reduce_sum>};
extern const Kernel softmax{"Softmax", supports_softmax, emit_softmax};

}  // namespace dormouse::drivers::xnnpack
