#include "tests/bench/random_weights.h"

#include <cmath>
#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "engine/formats/protobuf.h"
#include "tests/engine/onnx_builder.h"

namespace dormouse::bench {
namespace {

using engine::ProtobufReader;
using Extents = std::vector<std::int64_t>;
namespace build = engine::onnx_builder;

// Of ModelProto, GraphProto, NodeProto and TensorProto.
enum Field : std::uint32_t {
  kGraph = 7,
  kNode = 1,
  kInitialiser = 5,
  kGraphInput = 11,
  kNodeInput = 1,
  kNodeOutput = 2,
  kOpType = 4,
  kTensorName = 8,
  kTensorInts = 7,
  kTensorRaw = 9,
};

struct Node {
  std::string op, input, output;
};

Node read_node(std::string_view bytes) {
  Node node;
  for (ProtobufReader reader(bytes, "node"); reader.next();) {
    if (reader.field() == kOpType) node.op = reader.text();
    if (reader.field() == kNodeInput) node.input = reader.text();
    if (reader.field() == kNodeOutput) node.output = reader.text();
  }
  return node;
}

/// Every i64 list among the initialisers, by name: the shapes of weights.
std::map<std::string, Extents> shapes_in(std::string_view graph) {
  std::map<std::string, Extents> shapes;
  for (ProtobufReader reader(graph, "graph"); reader.next();) {
    if (reader.field() != kInitialiser) continue;
    std::string name;
    Extents values;
    for (ProtobufReader tensor(reader.bytes(), "initialiser"); tensor.next();) {
      if (tensor.field() == kTensorName) name = tensor.text();
      if (tensor.field() == kTensorInts) tensor.append_to(values);
      if (tensor.field() != kTensorRaw) continue;
      values.resize(tensor.bytes().size() / sizeof(std::int64_t));
      if (!values.empty())
        std::memcpy(values.data(), tensor.bytes().data(), values.size() * sizeof(std::int64_t));
    }
    shapes[name] = std::move(values);
  }
  return shapes;
}

std::string weights(const std::string& name, const Extents& shape, std::mt19937_64& random) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  const bool filter = shape.size() > 1;
  const auto fan_in = static_cast<float>(filter ? count / shape[0] : 1);
  const float bound = std::sqrt(0.5f / fan_in);  // layers shrink what they are given; biases renew it
  std::uniform_real_distribution<float> uniform(filter ? -bound : 0.5f, filter ? bound : 1.5f);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = uniform(random);
  const std::string raw(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return build::initialiser(build::tensor(name, build::kFloat, shape, build::bytes(kTensorRaw, raw)));
}

std::string rewritten(std::string_view graph, std::mt19937_64& random) {
  const std::map<std::string, Extents> shapes = shapes_in(graph);
  std::string result;
  for (ProtobufReader reader(graph, "graph"); reader.next();) {
    if (reader.field() == kNode) {
      const Node node = read_node(reader.bytes());
      if (node.op == "ConstantOfShape") {
        result += weights(node.output, shapes.at(node.input), random);
        continue;
      }
    }
    result += build::bytes(reader.field(), reader.bytes());
  }
  return result;
}

}  // namespace

std::string with_random_weights(const std::string& model, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string result = build::number(1, 4);  // IR 4: initialisers need not be inputs
  for (ProtobufReader reader(model, "model"); reader.next();) {
    if (reader.field() == kGraph)
      result += build::bytes(kGraph, rewritten(reader.bytes(), random));
    else if (reader.field() == 8)  // the opsets
      result += build::bytes(8, reader.bytes());
  }
  return result;
}

}  // namespace dormouse::bench
