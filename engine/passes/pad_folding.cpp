#include <algorithm>
#include <string>

#include "engine/passes/rewrite.h"

/// A Pad with zeros goes into the Conv behind it, which pads with zeros itself. Pools do not: XNNPACK's leave
/// out what they pad, and count what a Pad adds.
namespace dormouse::engine {
namespace {

using Integers = std::vector<std::int64_t>;

bool pads_zeros(const Rewrite& rewrite, const Node& pad) {
  if (pad.attributes.get<std::string>("mode", "constant") != "constant") return false;
  if (pad.inputs.size() > 3 && pad.inputs[3] != kAbsent) return false;  // some axes alone
  if (pad.inputs.size() < 3 || pad.inputs[2] == kAbsent) return pad.attributes.get<float>("value", 0) == 0;
  const Tensor* const value = rewrite.constant(pad.inputs[2]);
  return value && value->elements() == 1 && value->as(DType::f64).values<double>()[0] == 0;
}

/// Of the spatial axes, begins and then ends, as Conv has them; nothing when other axes are padded, or cut.
std::optional<Integers> spatial_pads(const Rewrite& rewrite, const Node& pad, std::size_t rank) {
  Integers pads = pad.attributes.integers("pads");
  if (pad.inputs.size() > 1 && pad.inputs[1] != kAbsent) {
    const Tensor* const given = rewrite.constant(pad.inputs[1]);
    if (!given) return std::nullopt;
    pads.assign(given->values<std::int64_t>().begin(), given->values<std::int64_t>().end());
  }
  if (pads.size() != 2 * rank || std::ranges::any_of(pads, [](std::int64_t p) { return p < 0; }))
    return std::nullopt;
  Integers result;
  for (std::size_t i = 0; i < pads.size(); ++i) {
    if (i % rank >= 2)
      result.push_back(pads[i]);
    else if (pads[i] != 0)
      return std::nullopt;
  }
  return result;
}

std::string_view fold(Rewrite& rewrite, const Node& node) {
  if (!is(node, "Conv")) return {};
  const Node* const pad = rewrite.maker(node.inputs[0], "Pad");
  const ValueInfo& x = rewrite.value(node.inputs[0]);
  if (!pad || !rewrite.read_once(node.inputs[0]) || !x.shape_known || !pads_zeros(rewrite, *pad)) return {};
  if (node.attributes.get<std::string>("auto_pad", "NOTSET") != "NOTSET") return {};
  std::optional<Integers> pads = spatial_pads(rewrite, *pad, x.shape.rank());
  const Integers own = node.attributes.integers("pads");
  if (!pads || (!own.empty() && own.size() != pads->size())) return {};
  for (std::size_t i = 0; i < own.size(); ++i) (*pads)[i] += own[i];
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = pad->inputs[0];
  Attributes attributes = node.attributes;
  attributes.set("pads", *pads);
  rewrite.replace("Conv", std::move(inputs), std::move(attributes));
  return "Pad into Conv";
}

Changes run(Graph& graph) { return rewrite(graph, fold); }

}  // namespace

extern const Pass pad_folding{.name = "pad folding", .run = run};

}  // namespace dormouse::engine
