#include <xnnpack.h>

#include <optional>

#include "drivers/xnnpack/operands.h"
#include "engine/shape.h"

namespace dormouse::drivers::xnnpack {
namespace {

using engine::Graph;
using engine::Node;

bool always(const Graph&, const Node&) { return true; }

bool is(const Node& node, std::string_view op) { return node.op->domain.empty() && node.op->name == op; }

/// A shuffle of channels: split into [groups, members], these two swapped, and merged again.
struct Shuffle {
  engine::ValueId swapped, merged;
  std::size_t groups;
};

/// The shuffle that begins with a Reshape, if one does.
std::optional<Shuffle> shuffle_at(const Builder& builder, const Node& split) {
  static const std::vector<std::int64_t> kSwap{0, 2, 1, 3, 4};
  const Graph& graph = builder.graph();
  const engine::Shape &image = input_shape(graph, split, 0), &parts = output_shape(graph, split);
  if (image.rank() != 4 || parts.rank() != 5 || builder.info(split.inputs[0]).dtype != engine::DType::f32)
    return std::nullopt;
  if (parts[0] != image[0] || parts[3] != image[2] || parts[4] != image[3]) return std::nullopt;
  const Node* const swap = builder.sole_reader(split.outputs[0]);
  if (!swap || !is(*swap, "Transpose") || swap->attributes.integers("perm") != kSwap) return std::nullopt;
  const Node* const merge = builder.sole_reader(swap->outputs[0]);
  if (!merge || !is(*merge, "Reshape") || output_shape(graph, *merge) != image) return std::nullopt;
  return Shuffle{swap->outputs[0], merge->outputs[0], static_cast<std::size_t>(parts[1])};
}

/// On an image that lies channels-last: one transposition of its pixels, not three of it.
void emit_shuffle(Builder& builder, const Node& split, const Shuffle& shuffle) {
  const Extents image = extents(input_shape(builder.graph(), split, 0), Layout::channels_last);
  const std::size_t members = image[3] / shuffle.groups;
  const Extents grouped{image[0], image[1], image[2], shuffle.groups, members},
      swapped{image[0], image[1], image[2], members, shuffle.groups};
  const Id from = builder.temporary(grouped), to = builder.temporary(swapped);
  builder.reshape(builder.in(split.inputs[0], Layout::channels_last), from, grouped);
  builder.transpose(from, to, {0, 1, 2, 4, 3});
  builder.take_over(shuffle.swapped);
  builder.reshape(to, builder.out(shuffle.merged, Layout::channels_last), image);
}

void emit_reshape(Builder& builder, const Node& node) {
  const auto shuffle = shuffle_at(builder, node);
  if (shuffle && builder.at_hand(node.inputs[0], Layout::channels_last))
    return emit_shuffle(builder, node, *shuffle);
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
