#include <algorithm>

#include "engine/passes/product.h"

/// LayerNormalization spelt with ReduceMean, Sub, Pow, Sqrt and Div; and the scale and bias behind it.
namespace dormouse::engine {
namespace {

/// The mean over the last axis alone, kept: what it is of, or kAbsent.
ValueId mean_of(const Rewrite& rewrite, ValueId value) {
  const Node* const node = rewrite.maker(value, "ReduceMean");
  if (!node || node->attributes.integer("keepdims", 1) == 0) return kAbsent;
  std::vector<std::int64_t> axes = node->attributes.integers("axes");
  if (node->inputs.size() > 1) {
    const Tensor* const given = rewrite.constant(node->inputs[1]);
    if (!given || given->dtype() != DType::i64) return kAbsent;
    axes.assign(given->values<std::int64_t>().begin(), given->values<std::int64_t>().end());
  }
  const ValueInfo& x = rewrite.value(node->inputs[0]);
  if (!x.shape_known || axes.size() != 1) return kAbsent;
  const auto rank = static_cast<std::int64_t>(x.shape.rank());
  return axes[0] == -1 || axes[0] == rank - 1 ? node->inputs[0] : kAbsent;
}

/// x of x - mean(x), or kAbsent.
ValueId centred_of(const Rewrite& rewrite, ValueId value) {
  const Node* const sub = rewrite.maker(value, "Sub");
  if (!sub || !rewrite.read_once(sub->inputs[1])) return kAbsent;
  return mean_of(rewrite, sub->inputs[1]) == sub->inputs[0] ? sub->inputs[0] : kAbsent;
}

/// Epsilon, where `value` is √(mean(d²) + epsilon) and nothing else reads what stands between; d² is read
/// `reads` times.
std::optional<double> deviation_of(const Rewrite& rewrite, ValueId value, ValueId d) {
  const Node* const root = rewrite.maker(value, "Sqrt");
  if (!root || !rewrite.read_once(value) || !rewrite.read_once(root->inputs[0])) return std::nullopt;
  const std::optional<Shifted> sum = shifted(rewrite, root->inputs[0]);
  if (!sum || !(sum->shift > 0) || !rewrite.read_once(sum->value)) return std::nullopt;
  const ValueId square = mean_of(rewrite, sum->value);
  if (square == kAbsent || !rewrite.read_once(square)) return std::nullopt;
  const Product product = product_of(rewrite, square);
  const bool squared = product.is(1, 2) && product.factors[0] == d && product.factors[1] == d;
  return squared ? std::optional(sum->shift) : std::nullopt;
}

/// How often the pattern reads x - mean(x): once to be divided, once or twice to be squared.
bool read_by_pattern_alone(const Rewrite& rewrite, const Node& div, ValueId d) {
  if (rewrite.is_output(d)) return false;
  const Node* const root = rewrite.maker(div.inputs[1], "Sqrt");
  const ValueId square = mean_of(rewrite, shifted(rewrite, root->inputs[0])->value);
  const auto& inputs = rewrite.maker(square)->inputs;
  return rewrite.reads(d) == 1 + static_cast<std::size_t>(std::ranges::count(inputs, d));
}

std::string_view fuse(Rewrite& rewrite, const Node& node) {
  if (!is(node, "Div")) return {};
  const ValueId d = node.inputs[0], x = centred_of(rewrite, d);
  if (x == kAbsent) return {};
  const std::optional<double> epsilon = deviation_of(rewrite, node.inputs[1], d);
  const Shape& shape = rewrite.value(x).shape;
  if (!epsilon || shape.back() <= 0 || !read_by_pattern_alone(rewrite, node, d)) return {};
  const std::vector<float> ones(static_cast<std::size_t>(shape.back()), 1);
  const ValueId scale = rewrite.add_constant(row_of(ones).as(rewrite.value(x).dtype));
  rewrite.replace("LayerNormalization", {x, scale}, {{"epsilon", static_cast<float>(*epsilon)}});
  return "arithmetic into LayerNormalization";
}

bool is_ones(const Tensor& tensor) {
  const Tensor wide = tensor.as(DType::f64);
  return std::ranges::all_of(wide.values<double>(), [](double value) { return value == 1; });
}

/// The LayerNormalization over the last axis that makes `value`, if nothing else reads that and `beside` has
/// one value for each element of the axis.
const Node* normalization_before(const Rewrite& rewrite, ValueId value, ValueId beside) {
  const Node* const node = rewrite.maker(value, "LayerNormalization");
  if (!node || !rewrite.read_once(value) || node->outputs.size() != 1) return nullptr;
  const ValueInfo &x = rewrite.value(node->inputs[0]), &row = rewrite.value(beside);
  const std::int64_t axis = node->attributes.integer("axis", -1);
  if (!x.shape_known || !row.shape_known || row.dtype != x.dtype) return nullptr;
  const bool last = axis == -1 || axis == static_cast<std::int64_t>(x.shape.rank()) - 1;
  return last && row.shape == Shape{x.shape.back()} && row.shape.is_static() ? node : nullptr;
}

std::string_view take_in(Rewrite& rewrite, const Node& node) {
  if (!is(node, "Mul") && !is(node, "Add")) return {};
  for (const std::size_t i : {0, 1}) {
    const ValueId row = node.inputs[1 - i];
    const Node* const before = normalization_before(rewrite, node.inputs[i], row);
    if (!before || before->inputs.size() > 2) continue;
    if (is(node, "Add")) {
      rewrite.replace("LayerNormalization", {before->inputs[0], before->inputs[1], row}, before->attributes);
      return "biases into LayerNormalization";
    }
    const Tensor* const scale = rewrite.constant(before->inputs[1]);
    if (!scale || !is_ones(*scale)) continue;
    rewrite.replace("LayerNormalization", {before->inputs[0], row}, before->attributes);
    return "scales into LayerNormalization";
  }
  return {};
}

Changes run(Graph& graph) {
  return rewrite(graph, [](Rewrite& rewriting, const Node& node) {
    const std::string_view change = fuse(rewriting, node);
    return change.empty() ? take_in(rewriting, node) : change;
  });
}

}  // namespace

extern const Pass layer_normalization{.name = "layer normalization fusion", .run = run};

}  // namespace dormouse::engine
