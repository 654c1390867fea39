#include <protozero/pbf_writer.hpp>
#include <unordered_set>

#include "engine/formats/atomic_file.h"
#include "engine/formats/bytes.h"
#include "engine/formats/onnx.h"
#include "engine/formats/onnx_proto.h"
#include "engine/op.h"

namespace dormouse::engine {
namespace {

using protozero::pbf_writer;

constexpr std::int64_t kIrVersion = 8;
constexpr std::int64_t kOpset = 18;  // the newest form of the operators that the table has
constexpr std::size_t kLargest = (std::size_t{1} << 31) - 1;

void write_tensor(pbf_writer message, const std::string& name, const Tensor& tensor) {
  for (const std::int64_t extent : tensor.shape()) message.add_int64(TensorField::dims, extent);
  message.add_int64(TensorField::data_type, onnx_number(tensor.dtype()));
  if (!name.empty()) message.add_string(TensorField::name, name);
  const std::string_view raw = as_text(tensor.bytes());
  message.add_bytes(TensorField::raw_data, raw.data(), raw.size());
}

/// Writes one value of Attribute; the fields are those of AttributeProto.
struct AttributeWriter {
  pbf_writer& message;

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
  AttributeKind operator()(const std::shared_ptr<const Graph>&) const {
    throw Failure(Errc::unsupported, "a subgraph cannot be written to ONNX");
  }
};

/// One name each for the values of a graph: their own where it is unique.
class Names {
 public:
  explicit Names(const Graph& graph) : graph_(graph), names_(graph.value_count()) {
    for (const ValueId id : graph.inputs()) choose(id);
    for (const ValueId id : graph.outputs()) choose(id);
  }
  const std::string& of(ValueId id) {
    static const std::string absent;
    return id == kAbsent ? absent : choose(id);
  }

 private:
  const std::string& choose(ValueId id) {
    std::string& name = names_[static_cast<std::size_t>(id)];
    if (!name.empty()) return name;
    const std::string& own = graph_.value(id).name;
    name = own.empty() ? "value_" + std::to_string(id) : own;
    while (!taken_.insert(name).second) name += "_" + std::to_string(id);
    return name;
  }

  const Graph& graph_;
  std::vector<std::string> names_;
  std::unordered_set<std::string> taken_;
};

class Writer {
 public:
  explicit Writer(const Graph& graph) : graph_(graph), names_(graph) {}

  std::string run() {
    pbf_writer model(text_);
    model.add_int64(ModelField::ir_version, kIrVersion);
    model.add_string(ModelField::producer_name, "dormouse");
    write_graph({model, ModelField::graph});
    write_opset({model, ModelField::opset_import}, "", kOpset);
    if (uses_own_operators()) write_opset({model, ModelField::opset_import}, "dormouse", 1);
    for (const auto& [key, value] : graph_.metadata) {
      pbf_writer entry(model, ModelField::metadata_props);
      entry.add_string(EntryField::key, key);
      entry.add_string(EntryField::value, value);
    }
    return std::move(text_);
  }

 private:
  static void write_opset(pbf_writer opset, std::string_view domain, std::int64_t version) {
    opset.add_string(OpsetField::domain, domain.data(), domain.size());
    opset.add_int64(OpsetField::version, version);
  }

  bool uses_own_operators() const {
    return std::ranges::any_of(graph_.nodes(),
                               [](const Node& node) { return node.op->domain == "dormouse"; });
  }

  void write_graph(pbf_writer graph) {
    for (const Node& node : graph_.nodes()) write_node({graph, GraphField::node}, node);
    graph.add_string(GraphField::name, "dormouse");
    for (const ValueId id : used_constants()) {
      write_tensor({graph, GraphField::initializer}, names_.of(id), *graph_.value(id).constant);
    }
    for (const ValueId id : graph_.inputs()) write_value({graph, GraphField::input}, id);
    for (const ValueId id : graph_.outputs()) write_value({graph, GraphField::output}, id);
  }

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
    for (const ValueId id : node.inputs) message.add_string(NodeField::input, names_.of(id));
    for (const ValueId id : node.outputs) message.add_string(NodeField::output, names_.of(id));
    if (!node.name.empty()) message.add_string(NodeField::name, node.name);
    message.add_string(NodeField::op_type, node.op->name.data(), node.op->name.size());
    for (const auto& [name, value] : node.attributes.entries()) {
      pbf_writer attribute(message, NodeField::attribute);
      attribute.add_string(AttributeField::name, name);
      const AttributeKind kind = std::visit(AttributeWriter{attribute}, value);
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
  Names names_;
  std::string text_;
};

}  // namespace

void write_onnx(const Graph& graph, const std::string& path) { write_file(path, Writer(graph).run()); }

}  // namespace dormouse::engine
