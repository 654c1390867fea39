#include <xnnpack.h>

#include <optional>

#include "drivers/xnnpack/convolving.h"
#include "drivers/xnnpack/operands.h"

namespace dormouse::drivers::xnnpack {
namespace {

using engine::Graph;
using engine::Node;

constexpr std::size_t kFilter = 1;

/// Filters must be known now: they are packed once. Signals and images, no volumes.
bool supports(const Graph& graph, const Node& node) {
  const bool bias_known = !has_input(node, 2) || constant(graph, node, 2);
  return is_image(input_shape(graph, node, 0)) && constant(graph, node, kFilter) && bias_known;
}

/// A sum that a convolution adds to what it stores, in place of a walk through memory of its own.
struct Addition {
  engine::ValueId addend, sum;
  Clamped to;  ///< the sum, or the ReLU of it
};

bool is_sum(const Node& node) {
  return node.op->domain.empty() && (node.op->name == "Add" || node.op->name == "Sum") &&
         node.inputs.size() == 2;
}

/// The sum that alone reads the output of `node`, where the other operand is there already.
std::optional<Addition> addition_to(const Builder& builder, const Node& node, const Channels& channels) {
  const Node* const reader = builder.sole_reader(node.outputs[0]);
  if (!reader || !is_sum(*reader) || channels.groups > 1 || channels.inputs == 1 || !has_input(node, 2) ||
      !xnn_convolution_2d_can_add())
    return std::nullopt;
  const engine::ValueId addend = reader->inputs[reader->inputs[0] == node.outputs[0] ? 1 : 0];
  const engine::ValueInfo& info = builder.info(addend);
  if (info.constant || info.dtype != engine::DType::f32 ||
      info.shape != output_shape(builder.graph(), node) || !builder.at_hand(addend, Layout::channels_last))
    return std::nullopt;
  const Clamped clamped = with_clamp(builder, reader->outputs[0]);
  const bool relu = clamped.clamp.low == 0 && clamped.clamp.high == kInfinity;
  return Addition{addend, reader->outputs[0], relu ? clamped : Clamped{reader->outputs[0], {}}};
}

void emit(Builder& builder, const Node& node) {
  const Graph& graph = builder.graph();
  const Channels channels = channels_of(graph, node, kFilter);
  const Extents filter_extents = extents(input_shape(graph, node, kFilter), Layout::channels_first);
  const Id image = builder.in(node.inputs[0], Layout::channels_last);
  const Id bias =
      has_input(node, 2) ? builder.weights(node.inputs[2], {channels.groups * channels.outputs}) : kNoId;
  const Id filter = builder.weights(node.inputs[kFilter], filter_extents, channels.filter_order());
  const auto addition = addition_to(builder, node, channels);
  const Clamped to = addition ? Clamped{addition->to.value, {}} : with_clamp(builder, node.outputs[0]);
  const Id result = builder.out(to.value, Layout::channels_last);
  define_convolution(builder, node, kFilter, {image, filter, bias, result, to.clamp});
  if (!addition) return;
  builder.take_over(addition->sum);
  const Id addend = builder.in(addition->addend, Layout::channels_last);
  check(xnn_add_to_convolution_2d(builder.subgraph(), addend, addition->to.clamp.low == 0),
        "a sum behind a Conv");
}

}  // namespace

extern const Kernel conv{"Conv", supports, emit};

}  // namespace dormouse::drivers::xnnpack
