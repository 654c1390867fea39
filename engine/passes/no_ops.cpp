#include <algorithm>

#include "engine/passes/rewrite.h"

/// Operators that give what they are given.
namespace dormouse::engine {
namespace {

/// Shapes that hold the same elements in the same order: equal, with at most one extent that is not known yet
/// in each. (An extent of 0 would leave that one open.)
bool same_shape(const Rewrite& rewrite, ValueId a, ValueId b) {
  const ValueInfo &x = rewrite.value(a), &y = rewrite.value(b);
  if (!x.shape_known || !y.shape_known || x.shape != y.shape) return false;
  return std::ranges::count(x.shape, kDynamic) <= 1 && std::ranges::count(x.shape, 0) == 0;
}

bool same_static_shape(const Rewrite& rewrite, ValueId a, ValueId b) {
  return rewrite.value(a).shape_known && rewrite.value(a).shape.is_static() && same_shape(rewrite, a, b);
}

bool keeps_order(const Node& node) {
  const std::vector<std::int64_t> permutation = node.attributes.integers("perm");
  return !permutation.empty() && std::ranges::is_sorted(permutation);
}

bool all_are(const Tensor& tensor, double wanted) {
  const Tensor wide = tensor.as(DType::f64);
  return std::ranges::all_of(wide.values<double>(), [=](double value) { return value == wanted; });
}

/// The input that x · 1, x / 1, x + 0 or x - 0 gives back.
ValueId neutral(const Rewrite& rewrite, const Node& node) {
  const bool product = is(node, "Mul") || is(node, "Div"), sum = is(node, "Add") || is(node, "Sub");
  if (!product && !sum) return kAbsent;
  const bool commutes = is(node, "Mul") || is(node, "Add");
  for (const std::size_t i : {1, 0}) {
    if (i == 0 && !commutes) break;
    const Tensor* const constant = rewrite.constant(node.inputs[i]);
    const ValueId other = node.inputs[1 - i];
    if (!constant || !rewrite.value(other).shape_known) continue;
    const Shape& shape = rewrite.value(other).shape;
    const bool broadcasts = constant->shape().rank() <= shape.rank() && constant->elements() == 1;
    if ((broadcasts || constant->shape() == shape) && all_are(*constant, product ? 1 : 0)) return other;
  }
  return kAbsent;
}

bool is_idle_dropout(const Rewrite& rewrite, const Node& node) {
  if (!is(node, "Dropout") || node.outputs.size() != 1) return false;
  if (node.inputs.size() < 3 || node.inputs[2] == kAbsent) return true;
  const Tensor* const training = rewrite.constant(node.inputs[2]);
  return training && training->elements() == 1 && all_are(*training, 0);
}

/// A Slice that takes everything: no extent shrank, and no axis is walked backwards.
bool is_whole_slice(const Rewrite& rewrite, const Node& node) {
  if (!is(node, "Slice") || !same_static_shape(rewrite, node.inputs[0], node.outputs[0])) return false;
  if (node.inputs.size() < 5 || node.inputs[4] == kAbsent) return true;
  const Tensor* const steps = rewrite.constant(node.inputs[4]);
  if (!steps) return false;
  const Tensor wide = steps->as(DType::f64);
  return std::ranges::all_of(wide.values<double>(), [](double step) { return step > 0; });
}

bool pads_nothing(const Rewrite& rewrite, const Node& node) {
  const Tensor* const pads =
      is(node, "Pad") && node.inputs.size() > 1 ? rewrite.constant(node.inputs[1]) : nullptr;
  return pads && all_are(*pads, 0);
}

bool reshapes(const Node& node) {
  for (const std::string_view op : {"Reshape", "Flatten", "Squeeze", "Unsqueeze"})
    if (is(node, op)) return true;
  return node.op->domain == "dormouse" && node.op->name == "ReshapeTo";
}

bool folds_inputs(const Node& node) {
  for (const std::string_view op : {"Concat", "Sum", "Max", "Min", "Mean"})
    if (is(node, op)) return true;
  return false;
}

/// What opsets before 13 compute Softmax over the last axis of, by way of a matrix; or kAbsent.
ValueId softmax_of_rows(const Rewrite& rewrite, const Node& node) {
  if (node.op->domain != "dormouse" || node.op->name != "ReshapeTo") return kAbsent;
  const Node* const softmax = rewrite.maker(node.inputs[0], "Softmax");
  const Node* const matrix = softmax ? rewrite.maker(softmax->inputs[0], "Flatten") : nullptr;
  if (!matrix || matrix->inputs[0] != node.inputs[1] || !rewrite.read_once(node.inputs[0])) return kAbsent;
  const ValueInfo& x = rewrite.value(node.inputs[1]);
  const auto rank = static_cast<std::int64_t>(x.shape.rank());
  const std::int64_t rows = softmax->attributes.integer("axis", -1),
                     axis = matrix->attributes.integer("axis", 1);
  const bool last =
      x.shape_known && rank > 0 && (axis == -1 || axis == rank - 1) && (rows == 1 || rows == -1);
  return last ? node.inputs[1] : kAbsent;
}

std::string_view remove(Rewrite& rewrite, const Node& node) {
  if (node.inputs.empty() || node.inputs[0] == kAbsent || node.outputs.empty()) return {};
  const ValueId in = node.inputs[0], out = node.outputs[0];
  const auto give_back = [&](ValueId value, std::string_view what) {
    rewrite.forward(value);
    return what;
  };
  if (is(node, "Identity") && !rewrite.is_output(out)) return give_back(in, "Identity removed");
  if (node.op->name == "Detach" && !rewrite.is_output(out)) return give_back(in, "Detach removed");
  if (is_idle_dropout(rewrite, node)) return give_back(in, "Dropout removed");
  if (is(node, "Transpose") && keeps_order(node))
    return give_back(in, "Transpose that moves nothing removed");
  if (reshapes(node) && same_shape(rewrite, in, out))
    return give_back(in, "Reshape to the same shape removed");
  const bool casts = is(node, "Cast") || is(node, "CastLike");
  if (casts && rewrite.value(in).dtype == rewrite.value(out).dtype)
    return give_back(in, "Cast to the same type removed");
  if (is(node, "Expand") && same_static_shape(rewrite, in, out))
    return give_back(in, "Expand to the same shape removed");
  if (pads_nothing(rewrite, node)) return give_back(in, "Pad by nothing removed");
  if (is_whole_slice(rewrite, node)) return give_back(in, "Slice of everything removed");
  if (folds_inputs(node) && node.inputs.size() == 1) return give_back(in, "Concat or sum of one removed");
  if (const ValueId value = softmax_of_rows(rewrite, node); value != kAbsent) {
    rewrite.replace("Softmax", {value}, {{"axis", std::int64_t{-1}}});
    return "Softmax of a matrix without the matrix";
  }
  if (const ValueId value = neutral(rewrite, node); value != kAbsent)
    return give_back(value, "arithmetic with 0 or 1 removed");
  return {};
}

Changes run(Graph& graph) { return rewrite(graph, remove); }

}  // namespace

extern const Pass no_ops{.name = "no-ops", .run = run};

}  // namespace dormouse::engine
