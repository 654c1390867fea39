#include "engine/passes/rewrite.h"

#include <algorithm>

#include "engine/halves.h"
#include "engine/ops/casting.h"

namespace dormouse::engine {

bool is(const Node& node, std::string_view op) { return node.op->domain.empty() && node.op->name == op; }

namespace {

/// A standard operator, or one of ours.
const Op* named(std::string_view op) {
  const Op* const standard = find_op("", op);
  return standard ? standard : find_op("dormouse", op);
}

}  // namespace

Rewrite::Rewrite(Graph& graph) : graph_(graph) {
  grow();
  for (const Node& node : graph.nodes())
    for (const ValueId id : node.inputs)
      if (id != kAbsent) ++readers(id);
  for (const ValueId id : graph.outputs()) ++readers(id);
}

const Tensor* Rewrite::constant(ValueId id) const {
  if (id == kAbsent) return nullptr;
  const auto& constant = value(id).constant;
  return constant ? &*constant : nullptr;
}

std::optional<double> Rewrite::scalar(ValueId id, ValueId beside) const {
  const Tensor* const tensor = constant(id);
  if (!tensor || tensor->elements() != 1 || !is_floating(tensor->dtype())) return std::nullopt;
  const ValueInfo& other = value(beside);
  const std::size_t rank = tensor->shape().rank();
  if (rank > 0 && !(other.shape_known && rank <= other.shape.rank())) return std::nullopt;
  return tensor->as(DType::f64).values<double>()[0];
}

const Node* Rewrite::maker(ValueId id) const {
  return id == kAbsent ? nullptr : makers_[static_cast<std::size_t>(id)];
}

const Node* Rewrite::maker(ValueId id, std::string_view op) const {
  const Node* const node = maker(id);
  return node && is(*node, op) ? node : nullptr;
}

bool Rewrite::is_output(ValueId id) const {
  return std::ranges::find(graph_.outputs(), id) != graph_.outputs().end();
}

bool Rewrite::read_once(ValueId id) const { return reads(id) == 1 && !is_output(id); }

/// Makes room for what there is to know of new values.
void Rewrite::grow() {
  makers_.resize(graph_.value_count(), nullptr);
  readers_.resize(graph_.value_count(), 0);
}

ValueId Rewrite::add_constant(Tensor tensor) {
  const ValueId id = graph_.add_constant("", std::move(tensor));
  grow();
  return id;
}

ValueId Rewrite::add(std::string_view op, std::vector<ValueId> inputs, Attributes attributes) {
  if (is_of_halves(*here_)) mark_of_halves(attributes);
  const ValueId made =
      graph_.add_node(*named(op), std::move(inputs), std::move(attributes), {""}, here_->name)[0];
  grow();
  Node node = std::move(graph_.take_nodes().back());
  for (const ValueId id : node.inputs)
    if (id != kAbsent) ++readers(id);
  keep(std::move(node));
  return made;
}

void Rewrite::replace(std::string_view op, std::vector<ValueId> inputs, Attributes attributes) {
  ensure(here_->outputs.size() == 1, "what is replaced has one output");
  if (is_of_halves(*here_)) mark_of_halves(attributes);
  Node node{here_->name, named(op), std::move(attributes), std::move(inputs), here_->outputs};
  graph_.infer(node);
  for (const ValueId id : node.inputs)
    if (id != kAbsent) ++readers(id);
  keep(std::move(node));
}

void Rewrite::forward(ValueId value) {
  const ValueId old = here_->outputs[0];
  if (is_output(old)) return replace("Identity", {value});
  forwarded_[old] = value;
  readers(value) += readers(old);
  readers(old) = 0;
}

std::string_view Rewrite::visit(Node&& node, const Rule& rule) {
  for (ValueId& id : node.inputs)
    if (const auto found = forwarded_.find(id); found != forwarded_.end()) id = found->second;
  here_ = &node;
  const std::string_view change = rule(*this, node);
  if (change.empty())
    keep(std::move(node));
  else
    release(node);
  return change;
}

void Rewrite::keep(Node&& node) {
  Node& kept = kept_.emplace_back(std::move(node));
  for (const ValueId id : kept.outputs) made_by(id) = &kept;
}

/// What `node` read loses a reader; a node that nothing reads any more goes.
void Rewrite::release(const Node& node) {
  for (const ValueId id : node.inputs) {
    if (id == kAbsent || --readers(id) > 0) continue;
    if (!made_by(id)) continue;
    Node& unread = *made_by(id);
    if (!std::ranges::all_of(unread.outputs, [&](ValueId output) { return readers(output) == 0; })) continue;
    for (const ValueId output : unread.outputs) made_by(output) = nullptr;
    release(unread);
    unread.op = nullptr;
  }
}

void Rewrite::finish() {
  std::vector<Node> nodes;
  nodes.reserve(kept_.size());
  for (Node& node : kept_)
    if (node.op) nodes.push_back(std::move(node));
  graph_.set_nodes(std::move(nodes));
}

Changes rewrite(Graph& graph, const Rule& rule) {
  Rewrite rewriting(graph);
  Changes changes;
  for (Node& node : graph.take_nodes())
    if (const std::string_view change = rewriting.visit(std::move(node), rule); !change.empty()) {
      const auto entry = changes.find(change);
      ++(entry == changes.end() ? changes.emplace(std::string(change), 0).first : entry)->second;
    }
  rewriting.finish();
  return changes;
}

}  // namespace dormouse::engine
