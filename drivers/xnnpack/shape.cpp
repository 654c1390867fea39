#include <xnnpack.h>

#include "drivers/xnnpack/operands.h"
#include "engine/shape.h"

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

bool supports_concat(const Graph&, const Node& node) { return node.inputs.size() >= 2; }

void emit_concat(Builder& builder, const Node& node) {
  const Layout layout = shared_layout(builder, node);
  const engine::Shape& whole = output_shape(builder.graph(), node);
  const std::size_t axis = *engine::normalise_axis(node.attributes.integer("axis", 0), whole.rank());
  std::vector<Id> from;
  Extents lengths;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    from.push_back(operand(builder, node, i, layout));
    lengths.push_back(static_cast<std::size_t>(input_shape(builder.graph(), node, i)[axis]));
  }
  builder.concatenate(from, lengths, axis_in(layout, axis, whole.rank()), extents(whole, layout),
                      builder.out(node.outputs[0], layout));
}

}  // namespace

extern const Kernel concat{"Concat", supports_concat, emit_concat, false, EightBit::moved};
extern const Kernel flatten{"Flatten", always, emit_reshape, false, EightBit::moved};
extern const Kernel identity{"Identity", always, emit_identity, false};
extern const Kernel reshape{"Reshape", always, emit_reshape, false, EightBit::moved};
extern const Kernel squeeze{"Squeeze", always, emit_reshape, false, EightBit::moved};
extern const Kernel transpose{"Transpose", supports_transpose, emit_transpose, true, EightBit::moved};
extern const Kernel unsqueeze{"Unsqueeze", always, emit_reshape, false, EightBit::moved};

}  // namespace dormouse::drivers::xnnpack
