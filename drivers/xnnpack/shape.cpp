#include <xnnpack.h>

#include "drivers/xnnpack/operands.h"

namespace dormouse::drivers::xnnpack {
namespace {

using engine::Graph;
using engine::Node;

bool always(const Graph&, const Node&) { return true; }

void emit_reshape(Builder& builder, const Node& node) {
  const Id from = builder.in(node.inputs[0]);
  builder.reshape(from, builder.out(node.outputs[0]),
                  extents(output_shape(builder.graph(), node), Layout::rows));
}

void emit_identity(Builder& builder, const Node& node) {
  const Layout layout = shared_layout(builder, node);
  const Id from = builder.in(node.inputs[0], layout);
  check(xnn_define_copy(builder.subgraph(), from, builder.out(node.outputs[0], layout), 0), "a copy");
}

Extents permutation_of(const Graph& graph, const Node& node) {
  const std::size_t rank = input_shape(graph, node, 0).rank();
  const std::vector<std::int64_t> given = node.attributes.integers("perm");
  if (!given.empty()) return Extents(given.begin(), given.end());
  Extents reversed;
  for (std::size_t axis = rank; axis-- > 0;) reversed.push_back(axis);
  return reversed;
}

bool supports_transpose(const Graph& graph, const Node& node) {
  return input_shape(graph, node, 0).rank() >= 1;
}

void emit_transpose(Builder& builder, const Node& node) {
  const engine::ValueId value = node.inputs[0];
  Extents permutation = permutation_of(builder.graph(), node);
  // What is at hand channels-last alone is taken from there in one step.
  const bool last = permutation.size() == 4 && !builder.at_hand(value, Layout::rows);
  const Layout layout = last ? Layout::channels_last : Layout::rows;
  for (std::size_t& axis : permutation) axis = axis_in(layout, axis, permutation.size());
  const Id from = builder.in(value, layout);
  builder.transpose(from, builder.out(node.outputs[0]), permutation);
}

constexpr std::size_t kMaxConcatenated = 5;

bool supports_concat(const Graph&, const Node& node) {
  return node.inputs.size() >= 2 && node.inputs.size() <= kMaxConcatenated;
}

void emit_concat(Builder& builder, const Node& node) {
  const Layout layout = shared_layout(builder, node);
  const std::size_t rank = output_shape(builder.graph(), node).rank();
  const std::int64_t given = node.attributes.integer("axis", 0);
  const auto axis = static_cast<std::size_t>(given < 0 ? given + static_cast<std::int64_t>(rank) : given);
  const auto where = static_cast<std::int32_t>(axis_in(layout, axis, rank));
  std::vector<Id> from;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) from.push_back(operand(builder, node, i, layout));
  const Id to = builder.out(node.outputs[0], layout);
  xnn_subgraph* graph = builder.subgraph();
  xnn_status status = xnn_status_invalid_parameter;
  if (from.size() == 2) status = xnn_define_concatenate2(graph, where, from[0], from[1], to, 0);
  if (from.size() == 3) status = xnn_define_concatenate3(graph, where, from[0], from[1], from[2], to, 0);
  if (from.size() == 4)
    status = xnn_define_concatenate4(graph, where, from[0], from[1], from[2], from[3], to, 0);
  if (from.size() == 5)
    status = xnn_define_concatenate5(graph, where, from[0], from[1], from[2], from[3], from[4], to, 0);
  check(status, "a Concat");
}

}  // namespace

extern const Kernel concat{"Concat", supports_concat, emit_concat, false, EightBit::moved};
extern const Kernel flatten{"Flatten", always, emit_reshape, false, EightBit::moved};
extern const Kernel identity{"Identity", always, emit_identity, false};
extern const Kernel reshape{"Reshape", always, emit_reshape, false, EightBit::moved};
extern const Kernel squeeze{"Squeeze", always, emit_reshape, false, EightBit::moved};
extern const Kernel transpose{"Transpose", supports_transpose, emit_transpose, false, EightBit::moved};
extern const Kernel unsqueeze{"Unsqueeze", always, emit_reshape, false, EightBit::moved};

}  // namespace dormouse::drivers::xnnpack
