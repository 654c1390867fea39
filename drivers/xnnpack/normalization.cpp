#include <xnnpack.h>

#include <cmath>
#include <limits>

#include "drivers/xnnpack/steps.h"

namespace dormouse::drivers::xnnpack {
namespace {

using engine::Graph;
using engine::Node;
using engine::Tensor;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool supports_batch(const Graph& graph, const Node& node) {
  for (std::size_t i = 1; i < 5; ++i)
    if (!constant(graph, node, i)) return false;
  return is_image(input_shape(graph, node, 0));
}

/// A factor and a bias per channel: a depthwise convolution by one element.
void emit_batch(Builder& builder, const Node& node) {
  const Graph& graph = builder.graph();
  const auto values = [&](std::size_t i) { return constant(graph, node, i)->values<float>(); };
  const auto channels = static_cast<std::size_t>(input_shape(graph, node, 0)[1]);
  Tensor factor(engine::DType::f32, {input_shape(graph, node, 0)[1]});
  Tensor shift = factor.clone();
  for (std::size_t c = 0; c < channels; ++c) {
    const float spread = std::sqrt(values(4)[c] + node.attributes.get<float>("epsilon", 1e-5f));
    factor.mutable_values<float>()[c] = values(1)[c] / spread;
    shift.mutable_values<float>()[c] = values(2)[c] - values(3)[c] * factor.values<float>()[c];
  }
  const Id from = builder.in(node.inputs[0], Layout::channels_last);
  const Id filter = builder.computed_weights(factor, {1, 1, 1, channels}),
           bias = builder.computed_weights(shift, {channels});
  check(xnn_define_depthwise_convolution_2d(builder.subgraph(), 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, channels,
                                            -kInfinity, kInfinity, from, filter, bias,
                                            builder.out(node.outputs[0], Layout::channels_last), 0),
        "a BatchNormalization");
}

/// Over the last axis, with y alone wanted; the driver asks about nodes of one output only.
bool supports_layer(const Graph& graph, const Node& node) {
  const auto rank = static_cast<std::int64_t>(input_shape(graph, node, 0).rank());
  const std::int64_t axis = node.attributes.integer("axis", -1);
  return rank > 0 && (axis == -1 || axis == rank - 1);
}

void emit_layer(Builder& builder, const Node& node) {
  const Extents size = extents(input_shape(builder.graph(), node, 0), Layout::rows);
  Extents statistics = size;
  statistics.back() = 1;
  const std::size_t axis = size.size() - 1;
  Steps rows(builder, size), each(builder, statistics);
  const auto mean = [&](Id of) {
    const Id result = builder.temporary(statistics);
    check(xnn_define_static_reduce(builder.subgraph(), xnn_reduce_mean, 1, &axis, of, result,
                                   XNN_FLAG_KEEP_DIMS),
          "a mean");
    return result;
  };
  const Id x = builder.in(node.inputs[0]);
  const Id centred = rows.binary(xnn_binary_subtract, x, mean(x));
  const Id variance =
      each.plus(mean(rows.unary(xnn_unary_square, centred)), node.attributes.get<float>("epsilon", 1e-5f));
  const Id inverse = each.unary(xnn_unary_reciprocal_square_root, variance);
  const Id y = rows.binary(xnn_binary_multiply, centred, inverse);
  const bool biased = has_input(node, 2);
  const Id scale = builder.in(node.inputs[1]), result = builder.out(node.outputs[0]);
  const Id scaled = rows.binary(xnn_binary_multiply, y, scale, biased ? kNoId : result);
  if (biased) rows.binary(xnn_binary_add, scaled, builder.in(node.inputs[2]), result);
}

}  // namespace

extern const Kernel batch_normalization{"BatchNormalization", supports_batch, emit_batch, false};
extern const Kernel layer_normalization{"LayerNormalization", supports_layer, emit_layer};

}  // namespace dormouse::drivers::xnnpack
