#include <xnnpack.h>

#include "drivers/xnnpack/clamp.h"

namespace dormouse::drivers::xnnpack {
namespace {

using engine::Graph;
using engine::Node;
using engine::Shape;
using engine::ValueId;

/// to = a · b, where b is input 1 of `node`: packed once when it is a constant matrix. `bias` and `clamp`
/// need such a b.
void emit_product(Builder& builder, const Node& node, Id a, bool transposed_b, Id bias, Id to,
                  Clamp clamp = {}) {
  const Shape& b = input_shape(builder.graph(), node, 1);
  if (constant(builder.graph(), node, 1) && b.rank() == 2) {
    const Id filter = builder.weights(node.inputs[1], extents(b, Layout::rows));
    check(xnn_define_fully_connected(builder.subgraph(), clamp.low, clamp.high, a, filter, bias, to,
                                     transposed_b ? 0 : XNN_FLAG_TRANSPOSE_WEIGHTS),
          node.op->name);
    return;
  }
  check(xnn_define_batch_matrix_multiply(builder.subgraph(), a, builder.in(node.inputs[1]), to,
                                         transposed_b ? XNN_FLAG_TRANSPOSE_B : 0),
        node.op->name);
}

bool supports_matmul(const Graph& graph, const Node& node) {
  return input_shape(graph, node, 0).rank() >= 2 && input_shape(graph, node, 1).rank() >= 2;
}

/// The Add of one constant per column that alone reads a product by a constant matrix; or null.
const Node* bias_after(const Builder& builder, const Node& node) {
  const Graph& graph = builder.graph();
  const Node* const reader = builder.sole_reader(node.outputs[0]);
  if (!reader || reader->op->name != "Add" || !constant(graph, node, 1)) return nullptr;
  if (input_shape(graph, node, 1).rank() != 2 || output_shape(graph, *reader) != output_shape(graph, node))
    return nullptr;
  const std::int64_t columns = output_shape(graph, node).back();
  const engine::Tensor* const added = constant(graph, *reader, reader->inputs[0] == node.outputs[0] ? 1 : 0);
  const bool row =
      added && added->elements() == columns && added->shape().rank() > 0 && added->shape().back() == columns;
  return row && builder.info(reader->outputs[0]).dtype == engine::DType::f32 ? reader : nullptr;
}

void emit_matmul(Builder& builder, const Node& node) {
  const Id a = builder.in(node.inputs[0]);
  const Node* const add = bias_after(builder, node);
  if (!add) return emit_product(builder, node, a, false, kNoId, builder.out(node.outputs[0]));
  const ValueId bias = add->inputs[0] == node.outputs[0] ? add->inputs[1] : add->inputs[0];
  builder.take_over(add->outputs[0]);
  const Clamped to = with_clamp(builder, add->outputs[0]);
  const Id added =
      builder.weights(bias, {static_cast<std::size_t>(output_shape(builder.graph(), node).back())});
  emit_product(builder, node, a, false, added, builder.out(to.value), to.clamp);
}

/// y = alpha · a · b + beta · c.
struct Gemm {
  float alpha, beta;
  bool transposed_a, transposed_b;
  bool added;  ///< there is a c
  bool fused;  ///< c is the bias of a fully connected layer
};

Gemm gemm_of(const Graph& graph, const Node& node) {
  const engine::Attributes& attributes = node.attributes;
  Gemm gemm{attributes.get<float>("alpha", 1),
            attributes.get<float>("beta", 1),
            attributes.integer("transA", 0) != 0,
            attributes.integer("transB", 0) != 0,
            false,
            false};
  gemm.added = has_input(node, 2) && gemm.beta != 0;
  if (!gemm.added || !constant(graph, node, 1) || !constant(graph, node, 2)) return gemm;
  const Shape& c = input_shape(graph, node, 2);
  const std::int64_t columns = output_shape(graph, node)[1];
  gemm.fused =
      gemm.alpha == 1 && gemm.beta == 1 && c.rank() > 0 && c.back() == columns && c.elements() == columns;
  return gemm;
}

Id times(Builder& builder, Id a, float factor, const Extents& size, Id to) {
  if (factor == 1) return a;
  if (to == kNoId) to = builder.temporary(size);
  check(xnn_define_binary(builder.subgraph(), xnn_binary_multiply, nullptr, a, builder.scalar(factor), to, 0),
        "a scale");
  return to;
}

void emit_gemm(Builder& builder, const Node& node) {
  const Gemm gemm = gemm_of(builder.graph(), node);
  const Extents size = extents(output_shape(builder.graph(), node), Layout::rows);
  Id a = builder.in(node.inputs[0]);
  if (gemm.transposed_a) {
    const Extents before = extents(input_shape(builder.graph(), node, 0), Layout::rows);
    const Id turned = builder.temporary({before[1], before[0]});
    builder.transpose(a, turned, {1, 0});
    a = turned;
  }
  const Id bias = gemm.fused ? builder.weights(node.inputs[2], {size[1]}) : kNoId;
  const bool adds = gemm.added && !gemm.fused;
  const Id result = builder.out(node.outputs[0]);
  Id product = adds || gemm.alpha != 1 ? builder.temporary(size) : result;
  emit_product(builder, node, a, gemm.transposed_b, bias, product);
  product = times(builder, product, gemm.alpha, size, adds ? kNoId : result);
  if (!adds) return;
  const Extents c_size = extents(input_shape(builder.graph(), node, 2), Layout::rows);
  const Id c = times(builder, builder.in(node.inputs[2]), gemm.beta, c_size, kNoId);
  check(xnn_define_binary(builder.subgraph(), xnn_binary_add, nullptr, product, c, result, 0),
        "a Gemm's addend");
}

bool always(const Graph&, const Node&) { return true; }

}  // namespace

extern const Kernel gemm{"Gemm", always, emit_gemm};
extern const Kernel matmul{"MatMul", supports_matmul, emit_matmul};

}  // namespace dormouse::drivers::xnnpack
