#include <xnnpack.h>

#include <algorithm>
#include <utility>

#include "drivers/xnnpack/steps.h"

/// ScaledDotProductAttention.
namespace dormouse::drivers::xnnpack {
namespace {

using engine::Graph;
using engine::Node;
using engine::Shape;
using engine::Tensor;

constexpr std::size_t kMask = 3;

bool supports(const Graph&, const Node&) { return true; }

Shape scores_of(const Graph& graph, const Node& node) {
  Shape shape = output_shape(graph, node);
  const Shape& keys = input_shape(graph, node, 1);
  shape[shape.rank() - 1] = keys[keys.rank() - 2];
  return shape;
}

/// Whether there is no mask, or one for all heads with a number for each key.
bool shares_mask(const Graph& graph, const Node& node) {
  if (!has_input(node, kMask)) return true;
  const Shape &mask = input_shape(graph, node, kMask), scores = scores_of(graph, node);
  const std::size_t rank = mask.rank();
  return rank >= 1 && mask.back() == scores.back() && (rank < 3 || mask.elements(0, rank - 2) == 1);
}

bool heads_alike(const Graph& graph, const Node& node) {
  const Shape& q = input_shape(graph, node, 0);
  for (const std::size_t i : {1, 2}) {
    const Shape& other = input_shape(graph, node, i);
    if (other.rank() != q.rank() || !std::equal(q.begin(), q.end() - 2, other.begin())) return false;
  }
  return q.rank() >= 3;
}

/// A number for each query and key.
Id mask_of(Builder& builder, const Node& node) {
  const Shape scores = scores_of(builder.graph(), node);
  const Extents whole = extents(Shape{scores[scores.rank() - 2], scores.back()}, Layout::rows);
  if (!has_input(node, kMask)) return builder.zeros(whole);
  const Shape& given = input_shape(builder.graph(), node, kMask);
  const Extents rows{static_cast<std::size_t>(given.elements()) / whole[1], whole[1]};
  Id mask = builder.in(node.inputs[kMask]);
  if (given.rank() != 2) {
    const Id matrix = builder.temporary(rows);
    builder.reshape(std::exchange(mask, matrix), matrix, rows);
  }
  if (rows == whole) return mask;
  return Steps(builder, whole).binary(xnn_binary_add, mask, builder.zeros({whole[0], 1}));
}

Tensor filled(const Shape& shape, float value) {
  Tensor tensor(engine::DType::f32, shape);
  std::ranges::fill(tensor.mutable_values<float>(), value);
  return tensor;
}

/// A few rows of the scores at a time.
void emit_fused(Builder& builder, const Node& node, float scale) {
  const Graph& graph = builder.graph();
  const Id factors = builder.table(filled({input_shape(graph, node, 0).back()}, scale));
  check(xnn_define_scaled_dot_product_attention(
            builder.subgraph(), xnn_attention_logits_cap_type_none, nullptr, builder.in(node.inputs[0]),
            builder.in(node.inputs[1]), builder.in(node.inputs[2]), factors, mask_of(builder, node),
            builder.out(node.outputs[0]), 0),
        node.op->name);
}

void emit_steps(Builder& builder, const Node& node, float scale) {
  const Graph& graph = builder.graph();
  const Extents size = extents(scores_of(graph, node), Layout::rows);
  Steps of_queries(builder, extents(input_shape(graph, node, 0), Layout::rows)), of_scores(builder, size);
  Id queries = builder.in(node.inputs[0]);
  if (scale != 1) queries = of_queries.times(queries, scale);
  Id scores = builder.temporary(size);
  check(xnn_define_batch_matrix_multiply(builder.subgraph(), queries, builder.in(node.inputs[1]), scores,
                                         XNN_FLAG_TRANSPOSE_B),
        "the scores of attention");
  if (has_input(node, kMask))
    scores = of_scores.binary(xnn_binary_add, scores, builder.in(node.inputs[kMask]));
  const Id shares = builder.temporary(size);
  check(xnn_define_softmax(builder.subgraph(), scores, shares, 0), "the shares of attention");
  check(xnn_define_batch_matrix_multiply(builder.subgraph(), shares, builder.in(node.inputs[2]),
                                         builder.out(node.outputs[0]), 0),
        "the values of attention");
}

void emit(Builder& builder, const Node& node) {
  const Graph& graph = builder.graph();
  const float scale = node.attributes.get<float>("scale", 1);
  if (heads_alike(graph, node) && shares_mask(graph, node))
    emit_fused(builder, node, scale);
  else
    emit_steps(builder, node, scale);
}

}  // namespace

extern const Kernel attention{"ScaledDotProductAttention", supports, emit};

}  // namespace dormouse::drivers::xnnpack
