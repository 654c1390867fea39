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

void emit(Builder& builder, const Node& node) {
  const Graph& graph = builder.graph();
  const Channels channels = channels_of(graph, node, kFilter);
  const Extents filter_extents = extents(input_shape(graph, node, kFilter), Layout::channels_first);
  const Id image = builder.in(node.inputs[0], Layout::channels_last);
  const Id bias =
      has_input(node, 2) ? builder.weights(node.inputs[2], {channels.groups * channels.outputs}) : kNoId;
  const Id filter = builder.weights(node.inputs[kFilter], filter_extents, channels.filter_order());
  define_convolution(builder, node, kFilter,
                     {image, filter, bias, builder.out(node.outputs[0], Layout::channels_last)});
}

}  // namespace

extern const Kernel conv{"Conv", supports, emit};

}  // namespace dormouse::drivers::xnnpack
