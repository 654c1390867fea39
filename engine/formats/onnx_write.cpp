#include <algorithm>
#include <protozero/pbf_writer.hpp>
#include <unordered_set>

#include "engine/formats/atomic_file.h"
#include "engine/formats/bytes.h"
#include "engine/formats/onnx.h"
#include "engine/formats/onnx_proto.h"
#include "engine/ops/control_flow.h"

namespace dormouse::engine {
namespace {

using protozero::pbf_writer;

constexpr std::int64_t kIrVersion = 8;
constexpr std::int64_t kOpset = 18;  // the newest form of most operators that the table has
constexpr std::size_t kLargest = (std::size_t{1} << 31) - 1;

void write_tensor(pbf_writer message, const std::string& name, const Tensor& tensor) {
  for (const std::int64_t extent : tensor.shape()) message.add_int64(TensorField::dims, extent);
  message.add_int64(TensorField::data_type, onnx_number(tensor.dtype()));
  if (!name.empty()) message.add_string(TensorField::name, name);
  const std::string_view raw = as_text(tensor.bytes());
  message.add_bytes(TensorField::raw_data, raw.data(), raw.size());
}

/// The names that values of a model have so far.
using Taken = std::unordered_set<std::string>;

/// Writes a graph, or one inside another, whose last inputs are values of that one and so `captured` there.
void write_graph(pbf_writer message, const Graph& graph, Taken& taken, std::span<const std::string> captured);

/// Writes one value of Attribute; the fields are those of AttributeProto.
struct AttributeWriter {
  pbf_writer& message;
  Taken& taken;
  std::span<const std::string> captured;  ///< by the node's subgraphs

  AttributeKind operator()(float value) const {
    message.add_float(AttributeField::f, value);
    return AttributeKind::real;
  }
  AttributeKind operator()(std::int64_t value) const {
    message.add_int64(AttributeField::i, value);
    return AttributeKind::integer;
  }
  AttributeKind operator()(const std::string& value) const {
    message.add_bytes(AttributeField::s, value);
    return AttributeKind::string;
  }
  AttributeKind operator()(const Tensor& value) const {
    write_tensor({message, AttributeField::t}, "", value);
    return AttributeKind::tensor;
  }
  AttributeKind operator()(const std::vector<float>& values) const {
    for (const float value : values) message.add_float(AttributeField::floats, value);
    return AttributeKind::reals;
  }
  AttributeKind operator()(const std::vector<std::int64_t>& values) const {
    for (const std::int64_t value : values) message.add_int64(AttributeField::ints, value);
    return AttributeKind::integers;
  }
  AttributeKind operator()(const std::vector<std::string>& values) const {
    for (const std::string& value : values) message.add_bytes(AttributeField::strings, value);
    return AttributeKind::strings;
  }
  AttributeKind operator()(const std::shared_ptr<const Graph>& graph) const {
    write_graph({message, AttributeField::g}, *graph, taken, captured);
    return AttributeKind::graph;
  }
};

/// One name each for the values of a graph: their own where it is unique in the model.
class Names {
 public:
  /// `captured`: what the graph's last inputs are called outside of it.
  Names(const Graph& graph, Taken& taken, std::span<const std::string> captured)
      : graph_(graph), taken_(taken), names_(graph.value_count()) {
    const std::size_t own = graph.inputs().size() - captured.size();
    for (std::size_t i = 0; i < captured.size(); ++i) at(graph.inputs()[own + i]) = captured[i];
    for (const ValueId id : graph.inputs()) choose(id);
    for (const ValueId id : graph.outputs()) choose(id);
  }
  const std::string& of(ValueId id) {
    static const std::string absent;
    return id == kAbsent ? absent : choose(id);
  }

 private:
  std::string& at(ValueId id) { return names_[static_cast<std::size_t>(id)]; }
  const std::string& choose(ValueId id) {
    std::string& name = at(id);
    if (!name.empty()) return name;
    const std::string& own = graph_.value(id).name;
    name = own.empty() ? "value_" + std::to_string(id) : own;
    while (!taken_.insert(name).second) name += "_" + std::to_string(id);
    return name;
  }

  const Graph& graph_;
  Taken& taken_;
  std::vector<std::string> names_;
};

/// What a model says of the operators it uses.
struct Used {
  std::int64_t opset = kOpset;  ///< the oldest that has the newest of them
  bool own = false;
};

void look_through(const Graph& graph, Used& used) {
  for (const Node& node : graph.nodes()) {
    if (node.op->domain.empty()) used.opset = std::max<std::int64_t>(used.opset, node.op->since);
    used.own = used.own || node.op->domain == "dormouse";
    for (const auto& [name, value] : node.attributes.entries())
      if (const auto* const inner = std::get_if<std::shared_ptr<const Graph>>(&value))
        look_through(**inner, used);
  }
}

class GraphWriter {
 public:
  GraphWriter(const Graph& graph, Taken& taken, std::span<const std::string> captured)
      : graph_(graph), taken_(taken), names_(graph, taken, captured), captured_(captured.size()) {}

  void write(pbf_writer graph) {
    for (const Node& node : graph_.nodes()) write_node({graph, GraphField::node}, node);
    graph.add_string(GraphField::name, "dormouse");
    for (const ValueId id : used_constants())
      write_tensor({graph, GraphField::initializer}, names_.of(id), *graph_.value(id).constant);
    const std::span own = std::span(graph_.inputs()).first(graph_.inputs().size() - captured_);
    for (const ValueId id : own) write_value({graph, GraphField::input}, id);
    for (const ValueId id : graph_.outputs()) write_value({graph, GraphField::output}, id);
  }

 private:
  std::vector<ValueId> used_constants() const {
    std::unordered_set<ValueId> used(graph_.outputs().begin(), graph_.outputs().end());
    for (const Node& node : graph_.nodes()) used.insert(node.inputs.begin(), node.inputs.end());
    std::vector<ValueId> constants;
    std::size_t bytes = 0;
    for (ValueId id = 0; id < static_cast<ValueId>(graph_.value_count()); ++id) {
      if (!graph_.value(id).constant || !used.contains(id)) continue;
      bytes += graph_.value(id).constant->byte_size();
      constants.push_back(id);
    }
    if (bytes > kLargest) throw Failure(Errc::too_large, "an ONNX file holds at most 2 GiB of weights");
    return constants;
  }

  void write_node(pbf_writer message, const Node& node) {
    const std::size_t own =
        node.op->control ? own_inputs(node.attributes, node.inputs.size()) : node.inputs.size();
    for (std::size_t i = 0; i < own; ++i) message.add_string(NodeField::input, names_.of(node.inputs[i]));
    for (const ValueId id : node.outputs) message.add_string(NodeField::output, names_.of(id));
    if (!node.name.empty()) message.add_string(NodeField::name, node.name);
    message.add_string(NodeField::op_type, node.op->name.data(), node.op->name.size());
    std::vector<std::string> captured;
    for (std::size_t i = own; i < node.inputs.size(); ++i) captured.push_back(names_.of(node.inputs[i]));
    for (const auto& [name, value] : node.attributes.entries()) {
      if (node.op->control && name == "captures") continue;  // ONNX tells them by their names
      pbf_writer attribute(message, NodeField::attribute);
      attribute.add_string(AttributeField::name, name);
      const AttributeKind kind = std::visit(AttributeWriter{attribute, taken_, captured}, value);
      attribute.add_int64(AttributeField::type, static_cast<std::int64_t>(kind));
    }
    if (!node.op->domain.empty())
      message.add_string(NodeField::domain, node.op->domain.data(), node.op->domain.size());
  }

  void write_value(pbf_writer message, ValueId id) {
    const ValueInfo& value = graph_.value(id);
    message.add_string(ValueField::name, names_.of(id));
    pbf_writer type(message, ValueField::type);
    pbf_writer tensor(type, TypeField::tensor_type);
    tensor.add_int64(TensorTypeField::elem_type, onnx_number(value.dtype));
    if (!value.shape_known) return;
    tensor.add_message(TensorTypeField::shape, shape_message(value.shape));
  }

  // A pbf_writer leaves out messages that are empty, but a scalar's shape and an unknown extent are just
  // that.
  static std::string shape_message(const Shape& shape) {
    std::string text;
    pbf_writer message(text);
    for (const std::int64_t extent : shape) {
      std::string dim;
      if (extent != kDynamic) pbf_writer(dim).add_int64(DimField::dim_value, extent);
      message.add_message(ShapeField::dim, dim);
    }
    return text;
  }

  const Graph& graph_;
  Taken& taken_;
  Names names_;
  std::size_t captured_;
};

void write_graph(pbf_writer message, const Graph& graph, Taken& taken,
                 std::span<const std::string> captured) {
  GraphWriter(graph, taken, captured).write(std::move(message));
}

void write_opset(pbf_writer opset, std::string_view domain, std::int64_t version) {
  opset.add_string(OpsetField::domain, domain.data(), domain.size());
  opset.add_int64(OpsetField::version, version);
}

std::string written(const Graph& graph) {
  std::string text;
  pbf_writer model(text);
  model.add_int64(ModelField::ir_version, kIrVersion);
  model.add_string(ModelField::producer_name, "dormouse");
  Taken taken;
  write_graph({model, ModelField::graph}, graph, taken, {});
  Used used;
  look_through(graph, used);
  write_opset({model, ModelField::opset_import}, "", used.opset);
  if (used.own) write_opset({model, ModelField::opset_import}, "dormouse", 1);
  for (const auto& [key, value] : graph.metadata) {
    pbf_writer entry(model, ModelField::metadata_props);
    entry.add_string(EntryField::key, key);
    entry.add_string(EntryField::value, value);
  }
  return text;
}

}  // namespace

void write_onnx(const Graph& graph, const std::string& path) { write_file(path, written(graph)); }

}  // namespace dormouse::engine
