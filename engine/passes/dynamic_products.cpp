#include <algorithm>
#include <cmath>

#include "engine/passes/rewrite.h"

/// DynamicQuantizeLinear, MatMulInteger, Cast and Mul, and the Add of a bias, as one DynamicQuantizeMatMul:
/// how exporters write products whose weights alone are quantised.
namespace dormouse::engine {
namespace {

/// One element, or one for each of `columns` along the last axis.
bool along_columns(const Tensor& tensor, std::int64_t columns) {
  const Shape& shape = tensor.shape();
  return tensor.elements() == 1 || (shape.back() == columns && shape.elements() == columns);
}

/// The input of the node beside `one`.
ValueId other(const Node& node, ValueId one) { return node.inputs[node.inputs[0] == one ? 1 : 0]; }

/// Exact sums as f32: the MatMulInteger that a Cast makes `value` from, or null.
const Node* sums(const Rewrite& graph, ValueId value) {
  const Node* const cast = graph.maker(value);
  if (!cast || !(is(*cast, "Cast") || is(*cast, "CastLike")) || graph.value(value).dtype != DType::f32 ||
      !graph.read_once(value) || !graph.read_once(cast->inputs[0]))
    return nullptr;
  return graph.maker(cast->inputs[0], "MatMulInteger");
}

/// The same constant as a vector, or a scalar where it is one element.
ValueId flattened(Rewrite& graph, ValueId id) {
  const Tensor constant = *graph.constant(id);
  if (constant.shape().rank() <= 1) return id;
  return graph.add_constant(constant.reshaped(Shape{constant.elements()}));
}

bool scaled(Rewrite& graph, const Node& node, ValueId real, ValueId scale) {
  const Node* const product = sums(graph, real);
  const Node* const scales = graph.maker(scale, "Mul");
  const Node* const quantize = product ? graph.maker(product->inputs[0], "DynamicQuantizeLinear") : nullptr;
  if (!quantize || !scales || quantize->outputs.size() < 3) return false;
  const bool own = product->inputs[0] == quantize->outputs[0] && product->inputs.size() > 2 &&
                   product->inputs[2] == quantize->outputs[2];
  const ValueId range = quantize->outputs[1];
  if (!own || (scales->inputs[0] != range && scales->inputs[1] != range)) return false;
  const ValueId factor = other(*scales, range),
                zero = product->inputs.size() > 3 ? product->inputs[3] : kAbsent;
  const Tensor* const matrix = graph.constant(product->inputs[1]);
  const Tensor* const factors = graph.constant(factor);
  const Tensor* const zeros = graph.constant(zero);
  if (!matrix || matrix->shape().rank() != 2 || !factors || factors->dtype() != DType::f32) return false;
  const ValueInfo& result = graph.value(node.outputs[0]);
  const std::size_t rank = factors->shape().rank();
  const bool fits = rank == 0 || (along_columns(*factors, matrix->shape()[1]) && result.shape_known &&
                                  rank <= graph.value(real).shape.rank());
  if (!fits || (zero != kAbsent && (!zeros || zeros->shape().rank() > 1))) return false;
  std::vector<ValueId> inputs{quantize->inputs[0], product->inputs[1], flattened(graph, factor)};
  if (zero != kAbsent) inputs.push_back(zero);
  graph.replace("DynamicQuantizeMatMul", std::move(inputs));
  return true;
}

bool biased(Rewrite& graph, const Node& node, ValueId product, ValueId bias) {
  const Node* const made = graph.maker(product);
  const Tensor* const added = graph.constant(bias);
  if (!made || made->op->name != "DynamicQuantizeMatMul" || made->inputs.size() > 4 || !added) return false;
  const std::int64_t columns = graph.constant(made->inputs[1])->shape()[1];
  const bool fits = added->dtype() == DType::f32 && added->elements() == columns &&
                    added->shape().rank() > 0 && added->shape().back() == columns &&
                    added->shape().rank() <= graph.value(product).shape.rank();
  if (!fits || !graph.read_once(product) || !graph.value(node.outputs[0]).shape_known) return false;
  std::vector<ValueId> inputs = made->inputs;
  inputs.resize(4, kAbsent);
  inputs.push_back(flattened(graph, bias));
  graph.replace("DynamicQuantizeMatMul", std::move(inputs));
  return true;
}

std::string_view rule(Rewrite& graph, const Node& node) {
  if (node.inputs.size() != 2) return {};
  const auto either = [&](auto matches) {
    return matches(graph, node, node.inputs[0], node.inputs[1]) ||
           matches(graph, node, node.inputs[1], node.inputs[0]);
  };
  if (is(node, "Mul") && either(scaled)) return "products of what is quantised run by run fused";
  if (is(node, "Add") && either(biased)) return "biases of such products fused";
  return {};
}

Changes run(Graph& graph) { return rewrite(graph, rule); }

}  // namespace

extern const Pass dynamic_products{.name = "dynamically quantised products", .run = run};

}  // namespace dormouse::engine
