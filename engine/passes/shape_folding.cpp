#include <algorithm>
#include <unordered_map>

#include "engine/passes/rewrite.h"

/// What exporters compute from shapes, as far as it is known before the input is: chains of Shape, Gather,
/// Slice, Concat and the like become constants, and a Reshape by extents of which one is open takes -1 for
/// it, or 0 for its own.
namespace dormouse::engine {
namespace {

constexpr std::size_t kMostExtents = 16;  // nobody's shape has more

/// One element of a shape that is computed: a number, or what an axis of a value will be.
struct Extent {
  std::int64_t known = kDynamic;
  ValueId of = kAbsent;
  std::size_t axis = 0;

  bool is_known() const { return of == kAbsent; }
};
using Extents = std::vector<Extent>;

class Shapes {
 public:
  std::string_view visit(Rewrite& rewrite, const Node& node) {
    if (is(node, "Reshape")) return visit_reshape(rewrite, node);
    if (node.outputs.size() != 1 || rewrite.value(node.outputs[0]).dtype != DType::i64) return {};
    std::optional<Extents> computed = compute(rewrite, node);
    if (!computed) return {};
    const ValueInfo& out = rewrite.value(node.outputs[0]);
    const bool whole = out.shape_known && out.shape.is_static() &&
                       out.shape.elements() == static_cast<std::int64_t>(computed->size());
    if (whole && std::ranges::all_of(*computed, &Extent::is_known)) {
      std::vector<std::int64_t> values;
      for (const Extent& extent : *computed) values.push_back(extent.known);
      rewrite.forward(rewrite.add_constant(Tensor::from<std::int64_t>(out.shape, std::span(values))));
      return "computed shapes known";
    }
    extents_[node.outputs[0]] = *std::move(computed);
    return {};
  }

 private:
  std::optional<Extents> extents_of(const Rewrite& rewrite, ValueId id) const {
    if (const auto found = extents_.find(id); found != extents_.end()) return found->second;
    const Tensor* const constant = rewrite.constant(id);
    if (!constant || constant->dtype() != DType::i64 || constant->shape().rank() > 1) return std::nullopt;
    if (static_cast<std::size_t>(constant->elements()) > kMostExtents) return std::nullopt;
    Extents result;
    for (const std::int64_t value : constant->values<std::int64_t>()) result.push_back({.known = value});
    return result;
  }

  std::optional<Extents> compute(const Rewrite& rewrite, const Node& node) const {
    if (is(node, "Shape")) return of_shape(rewrite, node);
    if (is(node, "Concat")) return joined(rewrite, node);
    if (node.inputs.empty() || node.inputs[0] == kAbsent) return std::nullopt;
    const std::optional<Extents> in = extents_of(rewrite, node.inputs[0]);
    if (!in) return std::nullopt;
    for (const std::string_view op : {"Identity", "Cast", "Unsqueeze", "Squeeze"})
      if (is(node, op)) return rewrite.value(node.inputs[0]).dtype == DType::i64 ? in : std::nullopt;
    if (is(node, "Gather")) return gathered(rewrite, node, *in);
    if (is(node, "Slice")) return sliced(rewrite, node, *in);
    return std::nullopt;
  }

  static std::optional<Extents> of_shape(const Rewrite& rewrite, const Node& node) {
    const ValueInfo& x = rewrite.value(node.inputs[0]);
    if (!x.shape_known || x.shape.rank() > kMostExtents) return std::nullopt;
    if (node.attributes.has("start") || node.attributes.has("end")) return std::nullopt;
    Extents result;
    for (std::size_t axis = 0; axis < x.shape.rank(); ++axis)
      result.push_back(x.shape[axis] == kDynamic ? Extent{kDynamic, node.inputs[0], axis}
                                                 : Extent{x.shape[axis]});
    return result;
  }

  std::optional<Extents> joined(const Rewrite& rewrite, const Node& node) const {
    Extents result;
    for (const ValueId id : node.inputs) {
      const std::optional<Extents> part = id == kAbsent ? std::nullopt : extents_of(rewrite, id);
      if (!part || result.size() + part->size() > kMostExtents) return std::nullopt;
      result.insert(result.end(), part->begin(), part->end());
    }
    return result;
  }

  static std::optional<Extents> gathered(const Rewrite& rewrite, const Node& node, const Extents& in) {
    const Tensor* const indices = rewrite.constant(node.inputs[1]);
    if (!indices || indices->dtype() != DType::i64 || indices->shape().rank() > 1) return std::nullopt;
    Extents result;
    for (const std::int64_t index : indices->values<std::int64_t>()) {
      const auto at = normalise_axis(index, in.size());
      if (!at || result.size() == kMostExtents) return std::nullopt;
      result.push_back(in[*at]);
    }
    return result;
  }

  /// Along the one axis there is, forwards.
  static std::optional<Extents> sliced(const Rewrite& rewrite, const Node& node, const Extents& in) {
    std::int64_t bounds[] = {0, 0, 0, 1};  // starts, ends, axes, steps
    for (std::size_t i = 1; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == kAbsent) continue;
      const Tensor* const given = rewrite.constant(node.inputs[i]);
      if (!given || given->dtype() != DType::i64 || given->elements() != 1) return std::nullopt;
      bounds[i - 1] = given->values<std::int64_t>()[0];
    }
    const auto size = static_cast<std::int64_t>(in.size());
    if (node.inputs.size() < 3 || bounds[3] != 1) return std::nullopt;
    const auto clamped = [=](std::int64_t at) {
      return std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size);
    };
    const std::int64_t first = clamped(bounds[0]), last = std::max(first, clamped(bounds[1]));
    return Extents(in.begin() + first, in.begin() + last);
  }

  std::string_view visit_reshape(Rewrite& rewrite, const Node& node) const {
    if (node.inputs.size() < 2 || rewrite.constant(node.inputs[1]) ||
        node.attributes.integer("allowzero", 0) != 0)
      return {};
    const std::optional<Extents> wanted = extents_of(rewrite, node.inputs[1]);
    if (!wanted) return {};
    std::vector<std::int64_t> shape;
    for (const Extent& extent : *wanted) {
      const bool own = extent.of == node.inputs[0] && extent.axis == shape.size();
      shape.push_back(extent.is_known() ? extent.known : own ? 0 : -1);
    }
    if (std::ranges::count(shape, -1) > 1) return {};
    rewrite.replace("Reshape", {node.inputs[0], rewrite.add_constant(row_of(shape))}, node.attributes);
    return "Reshape by constants";
  }

  std::unordered_map<ValueId, Extents> extents_;
};

Changes run(Graph& graph) {
  Shapes shapes;
  return rewrite(graph, [&](Rewrite& rewriting, const Node& node) { return shapes.visit(rewriting, node); });
}

}  // namespace

extern const Pass shape_folding{.name = "shape folding", .run = run};

}  // namespace dormouse::engine
