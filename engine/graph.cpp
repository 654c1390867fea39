#include "engine/graph.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "engine/op.h"

namespace dormouse::engine {
namespace {

// "2 inputs", "1 to 3 inputs", "1 input or more".
std::string arity(const Op& op) {
  std::string text = std::to_string(op.min_inputs);
  const bool open = op.max_inputs == SIZE_MAX;
  if (!open && op.max_inputs > op.min_inputs) text += " to " + std::to_string(op.max_inputs);
  text += op.min_inputs == 1 && (open || op.max_inputs == 1) ? " input" : " inputs";
  return open ? text + " or more" : text;
}

void check_arity(const Op& op, const Node& node) {
  const auto given = node.inputs.size();
  if (given < op.min_inputs || given > op.max_inputs)
    throw Failure(Errc::invalid, std::string(op.name) + " (node " + node.name + "): takes " + arity(op) +
                                     "; given " + std::to_string(given));
  for (std::size_t i = 0; i < op.min_inputs; ++i)
    if (node.inputs[i] == kAbsent)
      throw Failure(Errc::invalid, std::string(op.name) + " (node " + node.name + "): input " +
                                       std::to_string(i) + " is required");
  if (node.outputs.size() > op.max_outputs)
    throw Failure(Errc::unsupported,
                  std::string(op.name) + " (node " + node.name + "): has " + std::to_string(op.max_outputs) +
                      " outputs here; the graph asks for " + std::to_string(node.outputs.size()));
}

}  // namespace

ValueId Graph::add_input(std::string name, DType type, Shape shape) {
  const auto id = static_cast<ValueId>(values_.size());
  values_.push_back({std::move(name), type, std::move(shape), true, std::nullopt});
  inputs_.push_back(id);
  return id;
}

ValueId Graph::add_input(std::string name, DType type) {
  const ValueId id = add_input(std::move(name), type, {});
  forget_input_shape(id);
  return id;
}

ValueId Graph::add_constant(std::string name, Tensor value) {
  const auto id = static_cast<ValueId>(values_.size());
  if (name.empty()) name = "constant_" + std::to_string(id);
  const DType type = value.dtype();
  Shape shape = value.shape();
  values_.push_back({std::move(name), type, std::move(shape), true, std::move(value)});
  return id;
}

std::vector<ValueId> Graph::add_node(const Op& op, std::vector<ValueId> inputs, Attributes attributes,
                                     std::vector<std::string> output_names, std::string node_name) {
  Node node{std::move(node_name), &op, std::move(attributes), std::move(inputs), {}};
  for (const ValueId id : node.inputs)
    ensure(id == kAbsent || static_cast<std::size_t>(id) < values_.size(), "inputs belong to this graph");
  node.outputs.resize(output_names.size());
  check_arity(op, node);
  const std::size_t first = values_.size();
  for (std::size_t i = 0; i < output_names.size(); ++i) {
    const auto id = static_cast<ValueId>(values_.size());
    std::string name = std::move(output_names[i]);
    if (name.empty()) name = std::string(op.name) + "_" + std::to_string(id);
    node.outputs[i] = id;
    values_.push_back({std::move(name), DType::f32, {}, false, std::nullopt});
  }
  try {
    infer(node);
  } catch (...) {
    values_.resize(first);  // a refused node leaves nothing behind
    throw;
  }
  nodes_.push_back(std::move(node));
  return nodes_.back().outputs;
}

void Graph::infer(const Node& node) {
  InferContext context(*this, node);
  node.op->infer(context);
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    const InferContext::Slot& slot = context.inferred()[i];
    ensure(slot.present, "operator infers every output asked for");
    ValueInfo& value = at(node.outputs[i]);
    value.dtype = slot.dtype;
    value.shape_known = slot.shape_known;
    value.shape = slot.shape;
  }
}

void Graph::mark_output(ValueId value) { outputs_.push_back(value); }

std::optional<ValueId> Graph::find(std::string_view name) const {
  const auto found = std::ranges::find(values_, name, &ValueInfo::name);
  if (found == values_.end()) return std::nullopt;
  return static_cast<ValueId>(found - values_.begin());
}

const Node* Graph::producer(ValueId value) const {
  const auto makes = [value](const Node& node) {
    return std::ranges::find(node.outputs, value) != node.outputs.end();
  };
  const auto found = std::ranges::find_if(nodes_, makes);
  return found == nodes_.end() ? nullptr : &*found;
}

void Graph::set_constant(ValueId value, Tensor tensor) {
  ValueInfo& info = at(value);
  ensure(info.constant.has_value() && info.dtype == tensor.dtype(),
         "a constant is replaced by one of its type");
  info.shape = tensor.shape();
  info.constant = std::move(tensor);
}

void Graph::fold(ValueId value, Tensor tensor) {
  ValueInfo& info = at(value);
  ensure(info.dtype == tensor.dtype(), "a folded value keeps its type");
  info.shape = tensor.shape();
  info.shape_known = true;
  info.constant = std::move(tensor);
}

void Graph::constant_to_input(ValueId value) {
  ensure(at(value).constant.has_value(), "only a constant becomes a parameter");
  at(value).constant.reset();
  inputs_.push_back(value);
}

void Graph::set_input_shape(ValueId input, Shape shape) {
  at(input).shape = std::move(shape);
  at(input).shape_known = true;
}

void Graph::forget_input_shape(ValueId input) {
  at(input).shape = {};
  at(input).shape_known = false;
}

void Graph::reinfer() {
  for (const Node& node : nodes_) infer(node);
}

void Graph::set_nodes(std::vector<Node> nodes) {
  std::vector<bool> missing(values_.size());
  const auto mark = [&](const Node& node, bool as) {
    for (const ValueId id : node.outputs) missing[static_cast<std::size_t>(id)] = as;
  };
  for (const Node& node : nodes) mark(node, true);
  for (const Node& node : nodes) {
    for (const ValueId id : node.inputs)
      ensure(id == kAbsent || !missing[static_cast<std::size_t>(id)], "nodes stand in topological order");
    mark(node, false);
  }
  nodes_ = std::move(nodes);
}

namespace {

/// Copies what `outputs` need from one graph into another.
class Extraction {
 public:
  Extraction(const Graph& from, std::span<const ValueId> inputs) : from_(from) {
    for (const ValueId id : inputs) {
      const ValueInfo& value = from.value(id);
      map_[id] = value.shape_known ? to_.add_input(value.name, value.dtype, value.shape)
                                   : to_.add_input(value.name, value.dtype);
    }
  }

  Graph finish(std::span<const ValueId> outputs) {
    mark_needed(outputs);
    for (std::size_t i = 0; i < from_.nodes().size(); ++i)
      if (needed_[i]) copy(from_.nodes()[i]);
    for (const ValueId id : outputs) to_.mark_output(map(id));
    to_.metadata = from_.metadata;
    return std::move(to_);
  }

 private:
  void mark_needed(std::span<const ValueId> outputs) {
    const auto& nodes = from_.nodes();
    needed_.assign(nodes.size(), false);
    std::unordered_set<ValueId> wanted;
    for (const ValueId id : outputs)
      if (!map_.contains(id)) wanted.insert(id);
    for (std::size_t i = nodes.size(); i-- > 0;) {
      const auto is_wanted = [&](ValueId id) { return wanted.contains(id); };
      if (std::ranges::none_of(nodes[i].outputs, is_wanted)) continue;
      needed_[i] = true;
      for (const ValueId id : nodes[i].inputs)
        if (id != kAbsent && !map_.contains(id)) wanted.insert(id);
    }
  }

  ValueId map(ValueId id) {
    if (id == kAbsent) return kAbsent;
    if (const auto found = map_.find(id); found != map_.end()) return found->second;
    const ValueInfo& value = from_.value(id);
    if (!value.constant)
      throw Failure(Errc::invalid,
                    "'" + value.name + "' does not come from the cut alone: choose an earlier cut");
    return map_[id] = to_.add_constant(value.name, *value.constant);
  }

  void copy(const Node& node) {
    std::vector<ValueId> inputs;
    for (const ValueId id : node.inputs) inputs.push_back(map(id));
    std::vector<std::string> names;
    for (const ValueId id : node.outputs) names.push_back(from_.value(id).name);
    const auto made = to_.add_node(*node.op, std::move(inputs), node.attributes, std::move(names), node.name);
    for (std::size_t i = 0; i < made.size(); ++i) map_[node.outputs[i]] = made[i];
  }

  const Graph& from_;
  Graph to_;
  std::unordered_map<ValueId, ValueId> map_;
  std::vector<bool> needed_;
};

}  // namespace

Graph extract(const Graph& graph, std::span<const ValueId> inputs, std::span<const ValueId> outputs) {
  return Extraction(graph, inputs).finish(outputs);
}

}  // namespace dormouse::engine
