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
  if (extent < kDynamic)
    reader.corrupt("dimension " + std::to_string(extent) + "; one that varies has a name, or is -1");
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
  std::string_view graph;
  std::string reference;
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
        message.graph = reader.bytes();
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
        message.reference = reader.text();
        break;
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
    case AttributeKind::undefined:
      break;
  }
  throw Failure(Errc::unsupported, where + ": type " +
                                       std::to_string(static_cast<std::int64_t>(message.kind)) +
                                       " of ONNX's attributes is not supported; export the model without it");
}

OnnxGraph read_graph(Reader reader, const OnnxSource& source, std::string where, int depth);

void read_attribute_of(OnnxNode& node, std::string_view bytes, const OnnxSource& source, int depth) {
  AttributeMessage message = read_attribute({bytes, node.where});
  const std::string name = message.name, where = node.where + ": attribute '" + name + "'";
  if (node.attributes.has(name) || node.subgraphs.contains(name) || node.references.contains(name))
    throw Failure(Errc::corrupt, where + " twice");
  if (!message.reference.empty()) {
    node.references[name] = message.reference;
  } else if (message.kind == AttributeKind::graph) {
    node.subgraphs[name] =
        std::make_shared<OnnxGraph>(read_graph({message.graph, where}, source, where, depth + 1));
  } else {
    node.attributes.set(name, attribute_value(std::move(message), source, where));
  }
}

OnnxNode read_node(Reader reader, const std::string& graph, std::size_t number, const OnnxSource& source,
                   int depth) {
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
  node.where = graph + ": node " + std::to_string(number) + " '" + node.name + "' (" + node.op_type + ")";
  for (const std::string_view bytes : attributes) read_attribute_of(node, bytes, source, depth);
  return node;
}

OnnxGraph read_graph(Reader reader, const OnnxSource& source, std::string where, int depth) {
  if (depth > kMaxSubgraphDepth)
    throw Failure(Errc::too_large,
                  where + ": lies in more than " + std::to_string(kMaxSubgraphDepth) + " other graphs");
  OnnxGraph graph;
  while (reader.next()) {
    switch (reader.field()) {
      case GraphField::node:
        graph.nodes.push_back(
            read_node({reader.bytes(), where + ": node " + std::to_string(graph.nodes.size())}, where,
                      graph.nodes.size(), source, depth));
        break;
      case GraphField::initializer: {
        if (auto texts = parse_onnx_strings(reader.bytes(), where + ": initialiser")) {
          graph.initialisers.emplace_back(texts->name, std::move(texts->positions));
          graph.strings.emplace(texts->name, std::move(texts->strings));
          break;
        }
        NamedTensor weight = parse_onnx_tensor(reader.bytes(), source, where + ": initialiser");
        graph.initialisers.emplace_back(std::move(weight.name), std::move(weight.tensor));
        break;
      }
      case GraphField::input:
        graph.inputs.push_back(read_value({reader.bytes(), where + ": input"}));
        break;
      case GraphField::output:
        graph.outputs.push_back(read_value({reader.bytes(), where + ": output"}));
        break;
      case GraphField::sparse_initializer:
        throw Failure(Errc::unsupported,
                      where + ": sparse initialisers; export the model with dense weights");
      default:
        break;
    }
  }
  graph.where = std::move(where);
  return graph;
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

OnnxFunction read_function(Reader reader, const OnnxSource& source) {
  OnnxFunction function;
  std::vector<std::string_view> nodes, defaults;
  while (reader.next()) {
    switch (reader.field()) {
      case FunctionField::name:
        function.name = reader.text();
        break;
      case FunctionField::domain:
        function.domain = plain_domain(reader.text());
        break;
      case FunctionField::input:
        function.inputs.push_back(reader.text());
        break;
      case FunctionField::output:
        function.outputs.push_back(reader.text());
        break;
      case FunctionField::node:
        nodes.push_back(reader.bytes());
        break;
      case FunctionField::attribute_proto:
        defaults.push_back(reader.bytes());
        break;
      case FunctionField::opset_import:
        function.opsets.insert(read_opset({reader.bytes(), reader.where() + ": opset"}));
        break;
      default:
        break;
    }
  }
  const std::string where = source.name + ": function '" + function.name + "'";
  for (const std::string_view bytes : nodes)
    function.nodes.push_back(read_node({bytes, where}, where, function.nodes.size(), source, 0));
  for (const std::string_view bytes : defaults) {
    AttributeMessage message = read_attribute({bytes, where});
    std::string name = message.name;
    function.defaults.set(std::move(name), attribute_value(std::move(message), source, where));
  }
  return function;
}

void set_opsets(std::vector<OnnxNode>& nodes, const OnnxOpsets& opsets) {
  for (OnnxNode& node : nodes) {
    if (const auto version = opsets.find(node.domain); version != opsets.end()) node.opset = version->second;
    for (const auto& [name, subgraph] : node.subgraphs) set_opsets(subgraph->nodes, opsets);
  }
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
        model.graph = read_graph({reader.bytes(), source.name + ": graph"}, source, source.name, 0);
        break;
      case ModelField::functions:
        model.functions.push_back(read_function({reader.bytes(), source.name + ": function"}, source));
        break;
      default:
        break;
    }
  }
  if (!has_graph) reader.corrupt("no graph in it: not an ONNX model");
  set_opsets(model.graph.nodes, model.opsets);
  for (OnnxFunction& function : model.functions) set_opsets(function.nodes, function.opsets);
  return model;
}

}  // namespace dormouse::engine
