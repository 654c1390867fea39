#include "drivers/vulkan/emitting.h"

#include <unordered_map>

#include "drivers/vulkan/kernel.h"

namespace dormouse::drivers::vulkan {
namespace {

using engine::Node;
using engine::Partition;
using engine::ValueId;

class Emitting {
 public:
  Emitting(const Partition& partition, Recorder& recorder) : partition_(partition), recorder_(recorder) {
    for (const std::size_t i : partition.nodes)
      for (const ValueId id : node(i).inputs)
        if (id != engine::kAbsent) ++readers_[id];
    for (const ValueId id : partition.outputs) ++readers_[id];
  }

  void all() {
    for (std::size_t i = 0; i < partition_.nodes.size();) {
      const Node& next = node(partition_.nodes[i]);
      const Kernel& kernel = *find_kernel(*next.op);
      recorder_.begin(next);
      if (kernel.express) {
        i += chain(i);
      } else {
        kernel.emit(recorder_, next);
        ++i;
      }
    }
  }

 private:
  const Node& node(std::size_t i) const { return partition_.graph->nodes()[i]; }

  /// Emits element-wise nodes from `first` on, as many as fit; returns how many.
  std::size_t chain(std::size_t first) {
    constexpr std::size_t kMost = 24;
    const engine::Graph& graph = *partition_.graph;
    const engine::Shape& shape = graph.value(node(partition_.nodes[first]).outputs[0]).shape;
    Expression whole(graph, shape), best(graph, shape);
    std::unordered_map<ValueId, std::size_t> inside, best_inside;
    std::size_t count = 0;
    for (std::size_t n = 0; n < kMost && first + n < partition_.nodes.size(); ++n) {
      const Node& next = node(partition_.nodes[first + n]);
      const Kernel* const kernel = find_kernel(*next.op);
      if (!kernel->express || graph.value(next.outputs[0]).shape != shape) break;
      kernel->express(whole, graph, next);
      for (const ValueId id : next.inputs)
        if (id != engine::kAbsent) ++inside[id];
      if (n > 0 && !whole.fits([&](ValueId id) { return readers_[id] > inside[id]; })) continue;
      best = whole;
      best_inside = inside;
      count = n + 1;
    }
    best.emit(recorder_, [&](ValueId id) { return readers_[id] > best_inside[id]; });
    return count;
  }

  const Partition& partition_;
  Recorder& recorder_;
  std::unordered_map<ValueId, std::size_t> readers_;
};

}  // namespace

void emit_nodes(const Partition& partition, Recorder& recorder) { Emitting(partition, recorder).all(); }

}  // namespace dormouse::drivers::vulkan
