#include "drivers/xnnpack/clamp.h"

namespace dormouse::drivers::xnnpack {
namespace {

using engine::Graph;
using engine::Node;

/// A bound of Clip: input i, or the attribute of older models; `absent` when neither is there, nothing when
/// it is not known now.
std::optional<float> bound(const Graph& graph, const Node& node, std::size_t i, std::string_view attribute,
                           float absent) {
  if (!has_input(node, i)) return node.attributes.get<float>(attribute, absent);
  const engine::Tensor* known = constant(graph, node, i);
  return known ? std::optional(known->values<float>()[0]) : std::nullopt;
}

}  // namespace

std::optional<Clamp> clamp_of(const Graph& graph, const Node& node) {
  if (!node.op->domain.empty()) return std::nullopt;
  if (node.op->name == "Relu") return Clamp{0, kInfinity};
  if (node.op->name != "Clip") return std::nullopt;
  const auto low = bound(graph, node, 1, "min", -kInfinity), high = bound(graph, node, 2, "max", kInfinity);
  if (!low || !high || !(*low < *high)) return std::nullopt;
  return Clamp{*low, *high};
}

Clamped with_clamp(const Builder& builder, engine::ValueId value) {
  const Node* const reader = builder.sole_reader(value);
  if (!reader || builder.info(value).dtype != engine::DType::f32) return {value, {}};
  const std::optional<Clamp> clamp = clamp_of(builder.graph(), *reader);
  const bool same_type = builder.info(reader->outputs[0]).dtype == engine::DType::f32;
  return clamp && same_type ? Clamped{reader->outputs[0], *clamp} : Clamped{value, {}};
}

}  // namespace dormouse::drivers::xnnpack
