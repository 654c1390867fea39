#include "drivers/xnnpack/quantized_groups.h"

#include <algorithm>
#include <optional>
#include <ranges>
#include <unordered_map>
#include <unordered_set>

#include "drivers/xnnpack/operands.h"
#include "drivers/xnnpack/quantization.h"

namespace dormouse::drivers::xnnpack {
namespace {

using engine::Graph;
using engine::Node;
using engine::Partition;
using engine::ValueId;

/// Whether all of its inputs are operands; others have one, and constants.
bool is_binary(const Node& node) {
  return node.op->name == "Add" || node.op->name == "Mul" || node.op->name == "Sub";
}

/// The bounds within which XNNPACK's 8-bit arithmetic brings operands to the result's scale.
bool takes_scales(const Graph& graph, const Node& node) {
  const auto scale = [&](ValueId id) { return quantization_of(graph, id)->scale; };
  const auto within = [&](float factor, float low) {
    factor /= scale(node.outputs[0]);
    return factor >= low && factor < 0x1p8f;
  };
  const float first = scale(node.inputs[0]);
  if (!is_binary(node)) return within(first, 0x1p-16f);
  const float second = scale(node.inputs[1]);
  if (node.op->name == "Mul") return within(first * second, 0x1p-16f);
  return within(first, 0x1p-10f) && within(second, 0x1p-10f);
}

class Groups {
 public:
  explicit Groups(const Partition& partition) : partition_(partition), graph_(*partition.graph) {
    for (const std::size_t i : partition.nodes) {
      const Node& node = graph_.nodes()[i];
      makers_[node.outputs[0]] = &node;
      for (const ValueId id : node.inputs) readers_[id].push_back(&node);
    }
  }

  std::vector<Node> nodes() {
    std::vector<Node> result;
    std::unordered_set<ValueId> made;
    for (const std::size_t i : partition_.nodes) {
      const Node& node = graph_.nodes()[i];
      Node made_here = on_8_bits(node).value_or(node);
      if (made.insert(made_here.outputs[0]).second) result.push_back(std::move(made_here));
    }
    drop_unread(result);
    return result;
  }

 private:
  /// The one node that reads `value`, or null.
  const Node* reader(ValueId value) const {
    const auto found = readers_.find(value);
    const bool outside = std::ranges::find(partition_.outputs, value) != partition_.outputs.end();
    return found == readers_.end() || found->second.size() != 1 || outside ? nullptr : found->second.front();
  }

  /// What DequantizeLinear made `value` from, or kAbsent.
  ValueId quantised(ValueId value) const {
    const auto found = makers_.find(value);
    const bool made = found != makers_.end() && found->second->op->name == "DequantizeLinear";
    return made ? found->second->inputs[0] : engine::kAbsent;
  }

  /// `node` from the values that its inputs were dequantised from to the one that its result is quantised to,
  /// if XNNPACK has that.
  std::optional<Node> on_8_bits(const Node& node) const {
    if (find_kernel(*node.op)->eight_bit != EightBit::between) return std::nullopt;
    const Node* const last = reader(node.outputs[0]);
    if (!last || last->op->name != "QuantizeLinear") return std::nullopt;
    Node inner = node;
    inner.outputs = last->outputs;
    const std::size_t operands = is_binary(node) ? node.inputs.size() : 1;
    for (std::size_t i = 0; i < operands; ++i)
      if ((inner.inputs[i] = quantised(inner.inputs[i])) == engine::kAbsent) return std::nullopt;
    return takes_scales(graph_, inner) ? std::optional(std::move(inner)) : std::nullopt;
  }

  void drop_unread(std::vector<Node>& nodes) const {
    std::unordered_set<ValueId> wanted(partition_.outputs.begin(), partition_.outputs.end());
    std::vector<Node> kept;
    for (Node& node : std::views::reverse(nodes)) {
      if (!wanted.contains(node.outputs[0])) continue;
      wanted.insert(node.inputs.begin(), node.inputs.end());
      kept.push_back(std::move(node));
    }
    std::ranges::reverse(kept);
    nodes = std::move(kept);
  }

  const Partition& partition_;
  const Graph& graph_;
  std::unordered_map<ValueId, const Node*> makers_;
  std::unordered_map<ValueId, std::vector<const Node*>> readers_;
};

}  // namespace

std::vector<Node> quantized_nodes(const Partition& partition) { return Groups(partition).nodes(); }

}  // namespace dormouse::drivers::xnnpack
