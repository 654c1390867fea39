#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/attributes.h"
#include "engine/tensor.h"

namespace dormouse::engine {

struct Op;

/// Index of a value in its graph; kAbsent stands for an optional input that is not given.
using ValueId = std::int32_t;
inline constexpr ValueId kAbsent = -1;

struct ValueInfo {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;                     ///< extents may be kDynamic
  bool shape_known = false;        ///< the rank is known
  std::optional<Tensor> constant;  ///< weights and folded values
};

struct Node {
  std::string name;
  const Op* op = nullptr;
  Attributes attributes;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
};

/// A directed acyclic graph of operators on values: a model, a training step, an optimiser update.
///
/// Nodes stand in topological order; each value has at most one producer. Appending a node infers its
/// outputs' types and shapes at once, so a graph that exists is well-typed. Not thread-safe to change; free
/// to copy (constants are shared).
class Graph {
 public:
  /// A named input; extents may be kDynamic.
  ValueId add_input(std::string name, DType type, Shape shape);
  /// An input whose rank may differ from run to run: a value that a Loop carries.
  ValueId add_input(std::string name, DType type);
  /// A value known now: a weight, an axis list.
  ValueId add_constant(std::string name, Tensor value);
  /// Appends a node and infers its `outputs` (as many as asked for). Empty output names are made up.
  /// Throws Failure(invalid / unsupported) naming node, operator and shapes when the operator refuses its
  /// inputs.
  std::vector<ValueId> add_node(const Op& op, std::vector<ValueId> inputs, Attributes attributes = {},
                                std::vector<std::string> output_names = {""}, std::string node_name = "");
  void mark_output(ValueId value);

  const ValueInfo& value(ValueId id) const { return values_[static_cast<std::size_t>(id)]; }
  std::size_t value_count() const { return values_.size(); }
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<ValueId>& inputs() const { return inputs_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }

  /// The value called `name`, if there is one.
  std::optional<ValueId> find(std::string_view name) const;
  /// The node that makes `value`; nothing for inputs and constants.
  const Node* producer(ValueId value) const;

  void rename(ValueId value, std::string name) { at(value).name = std::move(name); }
  /// Replaces a constant by one of the same type; the shape may differ where consumers still infer (grown
  /// heads): call reinfer() after.
  void set_constant(ValueId value, Tensor tensor);
  /// Makes a computed value a constant; its node must go (set_nodes).
  void fold(ValueId value, Tensor tensor);
  /// Turns a constant into an input of the same type and shape (a parameter of a training step).
  void constant_to_input(ValueId value);
  void set_outputs(std::vector<ValueId> outputs) { outputs_ = std::move(outputs); }
  void set_input_shape(ValueId input, Shape shape);
  void forget_input_shape(ValueId input);
  /// Infers every node again, in order.
  void reinfer();
  /// Infers the outputs of one node again, from what is known about its inputs by now.
  void infer(const Node& node);
  /// Moves the nodes out, for a pass to give back by set_nodes(); until then only those appended since are
  /// there.
  std::vector<Node> take_nodes() { return std::exchange(nodes_, {}); }
  /// Replaces the nodes (passes do that). ensure()s topological order.
  void set_nodes(std::vector<Node> nodes);

  /// Documentation of the model that travels with it: ONNX metadata_props, labels, cut.
  std::vector<std::pair<std::string, std::string>> metadata;
  /// The files that it was read from, those with its weights among them; of one that was made: none.
  std::vector<std::shared_ptr<const Buffer>> files;

 private:
  ValueInfo& at(ValueId id) { return values_[static_cast<std::size_t>(id)]; }

  std::vector<ValueInfo> values_;
  std::vector<Node> nodes_;
  std::vector<ValueId> inputs_;
  std::vector<ValueId> outputs_;
};

/// The part of `graph` that computes `outputs` from `inputs`; what lies before `inputs` is cut away and each
/// of them becomes an input. Constants are shared. Throws Failure(invalid) when an output depends on another
/// graph input.
Graph extract(const Graph& graph, std::span<const ValueId> inputs, std::span<const ValueId> outputs);

}  // namespace dormouse::engine
