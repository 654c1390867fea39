#include "engine/rematerialise.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "engine/footprint.h"
#include "engine/op.h"

namespace dormouse::engine {
namespace {

constexpr std::size_t kMostSegments = 64;
constexpr std::size_t kOutside = std::numeric_limits<std::size_t>::max();

std::size_t bytes_of(const Graph& graph, const Node& node) {
  std::size_t bytes = 0;
  if (node.op->is_view) return bytes;
  for (const ValueId id : node.outputs)
    if (graph.value(id).shape_known)
      bytes += static_cast<std::size_t>(graph.value(id).shape.elements()) * size_of(graph.value(id).dtype);
  return bytes;
}

/// To which segment each of the first `forward` nodes belongs, for `count` segments of about equal bytes.
std::vector<std::size_t> cut(const Graph& graph, std::size_t forward, std::size_t count) {
  std::vector<std::size_t> before;  // bytes of the nodes before each
  std::size_t total = 0;
  for (std::size_t i = 0; i < forward; ++i) {
    before.push_back(total);
    total += bytes_of(graph, graph.nodes()[i]);
  }
  std::vector<std::size_t> segments;
  for (const std::size_t bytes : before)
    segments.push_back(std::min(count - 1, bytes * count / std::max<std::size_t>(1, total)));
  return segments;
}

class Copying {
 public:
  Copying(const Graph& graph, std::size_t forward, std::size_t count)
      : graph_(graph),
        nodes_(graph.nodes()),
        forward_(forward),
        last_(count - 1),
        segments_(cut(graph, forward, count)),
        maker_(graph.value_count(), kOutside),
        lives_on_(graph.value_count(), false) {
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      for (const ValueId id : nodes_[i].outputs) maker_[index(id)] = i;
    for (const ValueId id : graph.outputs()) lives_on_[index(id)] = true;
    for (std::size_t i = 0; i < forward; ++i)
      for (const ValueId id : nodes_[i].inputs)
        if (id != kAbsent && segment_of(id) != segments_[i]) lives_on_[index(id)] = true;
  }

  Graph run() {
    order_.assign(nodes_.begin(), nodes_.begin() + static_cast<std::ptrdiff_t>(forward_));
    for (std::size_t i = forward_; i < nodes_.size(); ++i) {
      Node node = nodes_[i];
      for (ValueId& id : node.inputs)
        if (i > forward_ && is_dropped(id)) id = copy_of(id, nodes_[i - 1].outputs.front());
      order_.push_back(std::move(node));
    }
    graph_.set_nodes(std::move(order_));
    return std::move(graph_);
  }

 private:
  static std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

  /// Of values that forward nodes make.
  std::size_t segment_of(ValueId id) const {
    const std::size_t maker = index(id) < maker_.size() ? maker_[index(id)] : kOutside;
    return maker < forward_ ? segments_[maker] : kOutside;
  }
  bool is_dropped(ValueId id) const {
    return id != kAbsent && segment_of(id) < last_ && !lives_on_[index(id)];
  }

  /// The copy of a dropped value; made now, behind `signal`, if this is the first that is read of it.
  ValueId copy_of(ValueId id, ValueId signal) {
    if (const auto found = copies_.find(id); found != copies_.end()) return found->second;
    const Node& node = nodes_[maker_[index(id)]];
    std::vector<ValueId> inputs = node.inputs;
    for (ValueId& input : inputs) {
      if (is_dropped(input))
        input = copy_of(input, signal);
      else if (input != kAbsent && !graph_.value(input).constant)
        input = waiting(input, signal);
    }
    append(*node.op, std::move(inputs), node);
    return copies_.at(id);
  }

  ValueId waiting(ValueId id, ValueId signal) {
    if (const auto found = copies_.find(id); found != copies_.end()) return found->second;
    const Node after{"", find_op("dormouse", "After"), {}, {id, signal}, {id}};
    append(*after.op, after.inputs, after);
    return copies_.at(id);
  }

  void append(const Op& op, std::vector<ValueId> inputs, const Node& original) {
    const std::vector<ValueId> made =
        graph_.add_node(op, std::move(inputs), original.attributes,
                        std::vector<std::string>(original.outputs.size()), original.name);
    for (std::size_t i = 0; i < made.size(); ++i) copies_[original.outputs[i]] = made[i];
    order_.push_back(graph_.nodes().back());
  }

  Graph graph_;
  const std::vector<Node> nodes_;
  std::size_t forward_, last_;
  std::vector<std::size_t> segments_, maker_;
  std::vector<bool> lives_on_;
  std::unordered_map<ValueId, ValueId> copies_;
  std::vector<Node> order_;
};

std::size_t taken_by(const Graph& graph, std::span<const Driver* const> drivers) {
  std::vector<Shape> shapes;
  for (const ValueId id : graph.inputs()) shapes.push_back(graph.value(id).shape);
  return foresee(graph, shapes, drivers).total();
}

}  // namespace

Rematerialised rematerialise(const Graph& graph, std::size_t forward, std::size_t budget,
                             std::span<const Driver* const> drivers) {
  ensure(forward <= graph.nodes().size(), "the forward nodes are nodes of the graph");
  Rematerialised best{graph, taken_by(graph, drivers), 1};
  for (std::size_t count = 2; best.bytes > budget && count <= std::min(kMostSegments, forward); ++count) {
    Graph tried = Copying(graph, forward, count).run();
    const std::size_t bytes = taken_by(tried, drivers);
    if (bytes < best.bytes) best = {std::move(tried), bytes, count};
  }
  return best;
}

}  // namespace dormouse::engine
