#include "engine/formats/bytes.h"
#include "engine/formats/onnx_model.h"
#include "engine/formats/onnx_proto.h"
#include "engine/formats/protobuf.h"

namespace dormouse::engine {
namespace {

using Reader = ProtobufReader;

std::string plain_domain(std::string domain) { return domain == "ai.onnx" ? std::string() : domain; }

std::int64_t read_dimension(Reader reader) {
  std::int64_t extent = kDynamic;  // a name, or nothing at all
  while (reader.next()) {
    if (reader.field() == DimField::dim_value) extent = reader.integer();
  }
  if (extent < kDynamic) reader.corrupt("dimension " + std::to_string(extent));
  return extent;  // exporters write -1 too, and mean the same
}

Shape read_shape(Reader reader) {
  Shape shape;
  while (reader.next()) {
    if (reader.field() == ShapeField::dim) shape.push_back(read_dimension({reader.bytes(), reader.where()}));
  }
  return shape;
}

void read_tensor_type(Reader reader, OnnxValue& value) {
  while (reader.next()) {
    if (reader.field() == TensorTypeField::elem_type) value.dtype = dtype_of_onnx(reader.integer());
    if (reader.field() == TensorTypeField::shape) value.shape = read_shape({reader.bytes(), reader.where()});
  }
}

OnnxValue read_value(Reader reader) {
  OnnxValue value;
  std::string_view type;
  while (reader.next()) {
    if (reader.field() == ValueField::name) value.name = reader.text();
    if (reader.field() == ValueField::type) type = reader.bytes();
  }
  Reader alternatives(type, reader.where() + " '" + value.name + "'");
  while (alternatives.next()) {
    if (alternatives.field() == TypeField::tensor_type) {
      read_tensor_type({alternatives.bytes(), alternatives.where()}, value);
    }
  }
  return value;
}

struct AttributeMessage {
  std::string name;
  AttributeKind kind = AttributeKind::undefined;
  float real = 0;
  std::int64_t integer = 0;
  std::string string;
  std::string_view tensor;
  std::vector<float> reals;
  std::vector<std::int64_t> integers;
  std::vector<std::string> strings;
};

// Files older than the type field are known by which value is there.
AttributeMessage read_attribute(Reader reader) {
  AttributeMessage message;
  AttributeKind seen = AttributeKind::undefined;
  while (reader.next()) {
    switch (reader.field()) {
      case AttributeField::name:
        message.name = reader.text();
        break;
      case AttributeField::type:
        message.kind = AttributeKind{reader.integer()};
        break;
      case AttributeField::f:
        message.real = reader.real();
        seen = AttributeKind::real;
        break;
      case AttributeField::i:
        message.integer = reader.integer();
        seen = AttributeKind::integer;
        break;
      case AttributeField::s:
        message.string = reader.text();
        seen = AttributeKind::string;
        break;
      case AttributeField::t:
        message.tensor = reader.bytes();
        seen = AttributeKind::tensor;
        break;
      case AttributeField::g:
        seen = AttributeKind::graph;
        break;
      case AttributeField::floats:
        reader.append_to(message.reals);
        seen = AttributeKind::reals;
        break;
      case AttributeField::ints:
        reader.append_to(message.integers);
        seen = AttributeKind::integers;
        break;
      case AttributeField::strings:
        message.strings.push_back(reader.text());
        seen = AttributeKind::strings;
        break;
      case AttributeField::ref_attr_name:
        reader.corrupt("an attribute that refers to a function's, outside of one");
      default:
        break;
    }
  }
  if (message.kind == AttributeKind::undefined) message.kind = seen;
  return message;
}

Attribute attribute_value(AttributeMessage message, const OnnxSource& source, const std::string& where) {
  switch (message.kind) {
    case AttributeKind::real:
      return message.real;
    case AttributeKind::integer:
      return message.integer;
    case AttributeKind::string:
      return std::move(message.string);
    case AttributeKind::tensor:
      return parse_onnx_tensor(message.tensor, source, where).tensor;
    case AttributeKind::reals:
      return std::move(message.reals);
    case AttributeKind::integers:
      return std::move(message.integers);
    case AttributeKind::strings:
      return std::move(message.strings);
    case AttributeKind::graph:
      throw Failure(Errc::unsupported,
                    where + ": holds a subgraph (If, Loop, Scan); export the model without control flow");
    case AttributeKind::undefined:
      break;
  }
  throw Failure(Errc::unsupported,
                where + ": attribute type " + std::to_string(static_cast<std::int64_t>(message.kind)));
}

OnnxNode read_node(Reader reader, const std::string& file, std::size_t number, const OnnxSource& source) {
  OnnxNode node;
  std::vector<std::string_view> attributes;
  while (reader.next()) {
    switch (reader.field()) {
      case NodeField::input:
        node.inputs.push_back(reader.text());
        break;
      case NodeField::output:
        node.outputs.push_back(reader.text());
        break;
      case NodeField::name:
        node.name = reader.text();
        break;
      case NodeField::op_type:
        node.op_type = reader.text();
        break;
      case NodeField::domain:
        node.domain = plain_domain(reader.text());
        break;
      case NodeField::attribute:
        attributes.push_back(reader.bytes());
        break;
      default:
        break;
    }
  }
  node.where = file + ": node " + std::to_string(number) + " '" + node.name + "' (" + node.op_type + ")";
  for (const std::string_view bytes : attributes) {
    AttributeMessage message = read_attribute({bytes, node.where});
    std::string name = message.name;
    const std::string where = node.where + ": attribute '" + name + "'";
    if (node.attributes.has(name)) throw Failure(Errc::corrupt, where + " twice");
    node.attributes.set(std::move(name), attribute_value(std::move(message), source, where));
  }
  return node;
}

void read_graph(Reader reader, const OnnxSource& source, OnnxModel& model) {
  const std::string& file = source.name;
  while (reader.next()) {
    switch (reader.field()) {
      case GraphField::node:
        model.nodes.push_back(
            read_node({reader.bytes(), file + ": node " + std::to_string(model.nodes.size())}, file,
                      model.nodes.size(), source));
        break;
      case GraphField::initializer: {
        NamedTensor weight = parse_onnx_tensor(reader.bytes(), source, file + ": initialiser");
        model.initialisers.emplace_back(std::move(weight.name), std::move(weight.tensor));
        break;
      }
      case GraphField::input:
        model.inputs.push_back(read_value({reader.bytes(), file + ": input"}));
        break;
      case GraphField::output:
        model.outputs.push_back(read_value({reader.bytes(), file + ": output"}));
        break;
      case GraphField::sparse_initializer:
        throw Failure(Errc::unsupported, file + ": sparse initialisers; export the model with dense weights");
      default:
        break;
    }
  }
}

std::pair<std::string, std::int64_t> read_opset(Reader reader) {
  std::pair<std::string, std::int64_t> opset{"", 1};
  while (reader.next()) {
    if (reader.field() == OpsetField::domain) opset.first = plain_domain(reader.text());
    if (reader.field() == OpsetField::version) opset.second = reader.integer();
  }
  return opset;
}

std::pair<std::string, std::string> read_entry(Reader reader) {
  std::pair<std::string, std::string> entry;
  while (reader.next()) {
    if (reader.field() == EntryField::key) entry.first = reader.text();
    if (reader.field() == EntryField::value) entry.second = reader.text();
  }
  return entry;
}

}  // namespace

OnnxModel parse_onnx(const OnnxSource& source) {
  OnnxModel model;
  bool has_graph = false;
  Reader reader(as_text({source.bytes->data(), source.bytes->size()}), source.name);
  while (reader.next()) {
    switch (reader.field()) {
      case ModelField::opset_import:
        model.opsets.insert(read_opset({reader.bytes(), source.name + ": opset"}));
        break;
      case ModelField::metadata_props:
        model.metadata.push_back(read_entry({reader.bytes(), source.name + ": metadata"}));
        break;
      case ModelField::graph:
        if (std::exchange(has_graph, true)) reader.corrupt("two graphs");
        read_graph({reader.bytes(), source.name + ": graph"}, source, model);
        break;
      default:
        break;
    }
  }
  if (!has_graph) reader.corrupt("no graph in it: not an ONNX model");
  return model;
}

}  // namespace dormouse::engine
