#include <algorithm>

#include "engine/passes/product.h"

/// Attention spelt with two MatMul, a scale, an added mask and Softmax.
namespace dormouse::engine {
namespace {

/// scale · value.
struct Scaled {
  double scale;
  ValueId value;
};

Scaled scaled(const Rewrite& rewrite, ValueId value) {
  const Product product = product_of(rewrite, value);
  return product.factors.size() == 1 ? Scaled{product.scale, product.factors[0]} : Scaled{1, value};
}

const Shape* shape_of(const Rewrite& rewrite, ValueId value) {
  const ValueInfo& info = rewrite.value(value);
  return info.shape_known && info.shape.rank() >= 2 ? &info.shape : nullptr;
}

/// The node that makes the shares of a MatMul: Softmax over its rows, which nothing else reads.
const Node* shares_of(const Rewrite& rewrite, const Node& product) {
  const Node* const softmax = rewrite.maker(product.inputs[0], "Softmax");
  const Shape* const shape = softmax ? shape_of(rewrite, softmax->inputs[0]) : nullptr;
  if (!shape || !rewrite.read_once(product.inputs[0]) || !rewrite.read_once(softmax->inputs[0]))
    return nullptr;
  const std::int64_t axis = softmax->attributes.integer("axis", -1);
  return axis == -1 || axis == static_cast<std::int64_t>(shape->rank()) - 1 ? softmax : nullptr;
}

/// A Transpose after which the last two axes have changed places; what remains of it without that.
struct Turned {
  ValueId value = kAbsent;
  std::vector<std::int64_t> rest;
};

Turned turned(const Rewrite& rewrite, ValueId value) {
  const Node* const node = rewrite.maker(value, "Transpose");
  const Shape* const shape = node ? shape_of(rewrite, value) : nullptr;
  if (!shape || !rewrite.read_once(value)) return {};
  Turned result{node->inputs[0], node->attributes.integers("perm")};
  if (result.rest.empty() && shape->rank() == 2) result.rest = {1, 0};
  if (result.rest.size() != shape->rank()) return {};
  std::swap(result.rest[shape->rank() - 2], result.rest[shape->rank() - 1]);
  return result;
}

/// scale · q·kᵀ.
struct Scores {
  double scale = 1;
  ValueId queries = kAbsent;
  Turned keys;
};

std::optional<Scores> scores_of(const Rewrite& rewrite, ValueId value) {
  if (!rewrite.read_once(value)) return std::nullopt;
  const Scaled outer = scaled(rewrite, value);
  const Node* const product = rewrite.maker(outer.value, "MatMul");
  if (!product || !rewrite.read_once(outer.value)) return std::nullopt;
  const Scaled queries = scaled(rewrite, product->inputs[0]), keys = scaled(rewrite, product->inputs[1]);
  Turned turning = turned(rewrite, keys.value);
  if (turning.value == kAbsent || !shape_of(rewrite, queries.value)) return std::nullopt;
  const Scaled inner = scaled(rewrite, turning.value);
  turning.value = inner.value;
  return Scores{outer.scale * queries.scale * keys.scale * inner.scale, queries.value, std::move(turning)};
}

/// Whether `mask` repeats to the scores, instead of the scores to it.
bool masks(const Rewrite& rewrite, ValueId mask, ValueId scores) {
  const ValueInfo& info = rewrite.value(mask);
  const Shape* const whole = shape_of(rewrite, scores);
  if (!whole || !info.shape_known || info.shape.rank() > whole->rank()) return false;
  for (std::size_t i = 1; i <= std::min<std::size_t>(info.shape.rank(), 2); ++i) {
    const std::int64_t extent = info.shape[info.shape.rank() - i];
    if (extent != 1 && !compatible(extent, (*whole)[whole->rank() - i])) return false;
  }
  return true;
}

std::string_view fuse(Rewrite& rewrite, const Node& node) {
  const Node* const softmax = is(node, "MatMul") ? shares_of(rewrite, node) : nullptr;
  const Shape* const values = softmax ? shape_of(rewrite, node.inputs[1]) : nullptr;
  if (!values) return {};
  std::optional<Scores> scores = scores_of(rewrite, softmax->inputs[0]);
  ValueId mask = kAbsent;
  if (const Node* const add = scores ? nullptr : rewrite.maker(softmax->inputs[0], "Add"))
    for (const std::size_t i : {0, 1}) {
      if (scores || !masks(rewrite, add->inputs[1 - i], add->inputs[i])) continue;
      scores = scores_of(rewrite, add->inputs[i]);
      mask = add->inputs[1 - i];
    }
  if (!scores) return {};
  auto& [scale, queries, keys] = *scores;
  if (!std::ranges::is_sorted(keys.rest))
    keys.value = rewrite.add("Transpose", {keys.value}, {{"perm", keys.rest}});
  std::vector<ValueId> inputs{queries, keys.value, node.inputs[1]};
  if (mask != kAbsent) inputs.push_back(mask);
  rewrite.replace("ScaledDotProductAttention", std::move(inputs), {{"scale", static_cast<float>(scale)}});
  return mask == kAbsent ? "products and Softmax into attention"
                         : "products, mask and Softmax into attention";
}

Changes run(Graph& graph) { return rewrite(graph, fuse); }

}  // namespace

extern const Pass attention{.name = "attention fusion", .run = run};

}  // namespace dormouse::engine
