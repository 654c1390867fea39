#include <algorithm>

#include "engine/passes/rewrite.h"

/// Transposes that meet cancel or merge; those between which only element-wise operators stand are brought
/// together.
namespace dormouse::engine {
namespace {

using Axes = std::vector<std::int64_t>;

/// The permutation of a Transpose; none when it is implied and the rank is not known.
Axes permutation_of(const Rewrite& rewrite, const Node& node) {
  Axes given = node.attributes.integers("perm");
  const ValueInfo& in = rewrite.value(node.inputs[0]);
  if (given.empty() && in.shape_known)
    for (std::size_t axis = in.shape.rank(); axis-- > 0;) given.push_back(static_cast<std::int64_t>(axis));
  return given;
}

/// First `first`, then `second`.
Axes merged(const Axes& first, const Axes& second) {
  Axes result;
  for (const std::int64_t axis : second) result.push_back(first[static_cast<std::size_t>(axis)]);
  return result;
}

void put_transpose(Rewrite& rewrite, ValueId value, const Axes& permutation) {
  if (std::ranges::is_sorted(permutation))
    rewrite.forward(value);
  else
    rewrite.replace("Transpose", {value}, {{"perm", permutation}});
}

std::string_view merge(Rewrite& rewrite, const Node& node, const Axes& second) {
  const Node* const before = rewrite.maker(node.inputs[0], "Transpose");
  if (!before) return {};
  const Axes first = permutation_of(rewrite, *before);
  if (first.size() != second.size()) return {};
  const Axes both = merged(first, second);
  put_transpose(rewrite, before->inputs[0], both);
  return std::ranges::is_sorted(both) ? "Transposes cancelled" : "Transposes merged";
}

/// A Transpose of nothing but extents of 1 leaves the elements where they are.
std::string_view reshape_instead(Rewrite& rewrite, const Node& node, const Axes& permutation) {
  const ValueInfo &in = rewrite.value(node.inputs[0]), &out = rewrite.value(node.outputs[0]);
  if (!out.shape_known || !out.shape.is_static() || out.shape.elements() == 0) return {};
  Axes moving = permutation;
  std::erase_if(moving, [&](std::int64_t axis) { return in.shape[static_cast<std::size_t>(axis)] == 1; });
  if (!std::ranges::is_sorted(moving)) return {};
  const ValueId shape = rewrite.add_constant(row_of(out.shape.extents()));
  rewrite.replace("Reshape", {node.inputs[0], shape});
  return "Transposes into Reshape";
}

/// An operator on single elements of its one varying input, at `operand`; the others are constants of one
/// element.
struct Pointwise {
  const Node* node = nullptr;
  std::size_t operand = 0;
};

bool is_unary(const Node& node) {
  static constexpr std::string_view kUnary[] = {
      "Abs",         "Cast",      "Ceil",      "Elu",      "Erf",  "Exp",   "Floor", "Gelu",
      "HardSigmoid", "HardSwish", "LeakyRelu", "Log",      "Neg",  "Relu",  "Selu",  "Sigmoid",
      "Reciprocal",  "Round",     "Sign",      "Softplus", "Sqrt", "Swish", "Tanh",  "Clip"};
  return node.op->domain.empty() && std::ranges::find(kUnary, node.op->name) != std::end(kUnary);
}

bool is_binary(const Node& node) {
  static constexpr std::string_view kBinary[] = {"Add", "Div", "Max", "Min", "Mul", "Pow", "Sub"};
  const bool named =
      node.op->domain.empty() && std::ranges::find(kBinary, node.op->name) != std::end(kBinary);
  return named && node.inputs.size() == 2;
}

Pointwise pointwise_maker(const Rewrite& rewrite, ValueId value) {
  const Node* const node = rewrite.maker(value);
  if (!node || !rewrite.read_once(value)) return {};
  if (is_unary(*node)) return {node, 0};
  if (!is_binary(*node)) return {};
  for (const std::size_t i : {0, 1})
    if (rewrite.scalar(node->inputs[1 - i], node->inputs[i])) return {node, i};
  return {};
}

/// Transpose, element-wise operators, Transpose: the operators run on what the first was given.
std::string_view meet(Rewrite& rewrite, const Node& node, const Axes& second) {
  std::vector<Pointwise> between;
  ValueId at = node.inputs[0];
  for (Pointwise p = pointwise_maker(rewrite, at); p.node; p = pointwise_maker(rewrite, at)) {
    between.push_back(p);
    at = p.node->inputs[p.operand];
  }
  const Node* const before = rewrite.maker(at, "Transpose");
  if (between.empty() || !before || !rewrite.read_once(at)) return {};
  const Axes first = permutation_of(rewrite, *before);
  if (first.size() != second.size()) return {};
  ValueId value = before->inputs[0];
  for (auto p = between.rbegin(); p != between.rend(); ++p) {
    std::vector<ValueId> inputs = p->node->inputs;
    inputs[p->operand] = value;
    value = rewrite.add(p->node->op->name, std::move(inputs), p->node->attributes);
  }
  put_transpose(rewrite, value, merged(first, second));
  return "Transposes brought together over element-wise operators";
}

/// Two operands transposed alike: one Transpose of the result does.
std::string_view share(Rewrite& rewrite, const Node& node) {
  if (!is_binary(node) || node.inputs[0] == node.inputs[1]) return {};
  const Node* const a = rewrite.maker(node.inputs[0], "Transpose");
  const Node* const b = rewrite.maker(node.inputs[1], "Transpose");
  if (!a || !b || !rewrite.read_once(node.inputs[0]) || !rewrite.read_once(node.inputs[1])) return {};
  const Axes permutation = permutation_of(rewrite, *a);
  if (permutation.empty() || permutation != permutation_of(rewrite, *b)) return {};
  const ValueId value = rewrite.add(node.op->name, {a->inputs[0], b->inputs[0]}, node.attributes);
  put_transpose(rewrite, value, permutation);
  return "Transposes of two operands into one";
}

std::string_view rule(Rewrite& rewrite, const Node& node) {
  if (!is(node, "Transpose")) return share(rewrite, node);
  const Axes permutation = permutation_of(rewrite, node);
  if (permutation.empty()) return {};
  if (const auto change = merge(rewrite, node, permutation); !change.empty()) return change;
  if (const auto change = meet(rewrite, node, permutation); !change.empty()) return change;
  return reshape_instead(rewrite, node, permutation);
}

Changes run(Graph& graph) { return rewrite(graph, rule); }

}  // namespace

extern const Pass transposes{.name = "transposes", .run = run};

}  // namespace dormouse::engine
