#include "drivers/vulkan/emitting.h"

#include <unordered_map>
#include <unordered_set>

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
    find_finishes();
  }

  void all() {
    for (std::size_t i = 0; i < partition_.nodes.size();) {
      const Node& next = node(partition_.nodes[i]);
      const Kernel& kernel = *find_kernel(*next.op);
      const auto finished = finished_.find(partition_.nodes[i]);
      recorder_.begin(next, finished == finished_.end() ? Finish{} : finished->second.first);
      if (finishers_.contains(partition_.nodes[i])) {
        ++i;  // done with what it finishes
      } else if (finished != finished_.end()) {
        kernel.emit(recorder_, next);
        recorder_.alias(finished->second.second, recorder_.read(next.outputs[0]));
        ++i;
      } else if (kernel.express) {
        i += chain(i);
      } else {
        kernel.emit(recorder_, next);
        ++i;
      }
    }
  }

 private:
  const Node& node(std::size_t i) const { return partition_.graph->nodes()[i]; }

  /// Activations that are the only reader of what a product gives.
  void find_finishes() {
    std::unordered_map<ValueId, std::size_t> made;  // by nodes that finish
    for (const std::size_t i : partition_.nodes) {
      const Node& next = node(i);
      if (find_kernel(*next.op)->finishes && readers_[next.outputs[0]] == 1) made[next.outputs[0]] = i;
      const auto product = next.inputs.empty() ? made.end() : made.find(next.inputs[0]);
      if (product == made.end()) continue;
      const auto finish = finish_of(*partition_.graph, next);
      if (!finish || partition_.graph->value(next.outputs[0]).dtype != engine::DType::f32) continue;
      finished_[product->second] = {*finish, next.outputs[0]};
      finishers_.insert(i);
    }
  }

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
      if (finishers_.contains(partition_.nodes[first + n])) continue;
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
  std::unordered_map<std::size_t, std::pair<Finish, ValueId>> finished_;  ///< and what it is then, by node
  std::unordered_set<std::size_t> finishers_;
};

}  // namespace

void emit_nodes(const Partition& partition, Recorder& recorder) { Emitting(partition, recorder).all(); }

}  // namespace dormouse::drivers::vulkan
