#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/attributes.h"
#include "engine/formats/external_files.h"

namespace dormouse::engine {

struct OnnxGraph;

/// An ONNX file in our types, node by node as it stands there: well-formed, not yet known to make sense.
struct OnnxNode {
  std::string name;
  std::string op_type;
  std::string domain;  ///< "ai.onnx" is ""
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  Attributes attributes;
  std::string where;       ///< "model.onnx: node 3 'conv1' (Conv)", for errors
  std::int64_t opset = 1;  ///< of its domain; whose form of the operator this is
  std::map<std::string, std::shared_ptr<OnnxGraph>> subgraphs = {};  ///< by attribute
  std::map<std::string, std::string> references = {};  ///< attribute to that of the function it is in
};

struct OnnxValue {
  std::string name;
  std::optional<DType> dtype;  ///< nothing: no tensor, or of an element type we do not have
  std::optional<Shape> shape;
};

struct OnnxGraph {
  std::string where;  ///< the file, or node and attribute of a subgraph, for errors
  std::vector<std::pair<std::string, Tensor>> initialisers;
  std::vector<OnnxValue> inputs;
  std::vector<OnnxValue> outputs;
  std::vector<OnnxNode> nodes;
  std::set<std::string> captures;  ///< names it reads of the graphs around it; see find_captures()
  std::map<std::string, std::vector<std::string>> strings =
      {};  ///< of initialisers that hold positions in them
};

using OnnxOpsets = std::map<std::string, std::int64_t>;  ///< version by domain

/// An operator that the model itself defines by other nodes.
struct OnnxFunction {
  std::string domain;
  std::string name;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  Attributes defaults;
  std::vector<OnnxNode> nodes;
  OnnxOpsets opsets;
};

struct OnnxModel {
  OnnxOpsets opsets;
  OnnxGraph graph;
  std::vector<OnnxFunction> functions;
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// Where the bytes of a model come from.
struct OnnxSource {
  std::shared_ptr<Buffer> bytes;
  std::string name;
  std::shared_ptr<ExternalFiles> files;  ///< null: weights in other files are refused
};

/// Subgraphs may lie this deep in each other.
inline constexpr int kMaxSubgraphDepth = 16;

OnnxModel parse_onnx(const OnnxSource& source);

/// Puts the nodes of the model's functions in the place of the nodes that call them. Throws Failure(corrupt)
/// for a function that calls itself, Failure(too_large) when there is no end to them.
void inline_functions(OnnxModel& model);

/// Fills in `captures` of all subgraphs; returns the names that `graph` itself reads and does not make.
std::set<std::string> find_captures(OnnxGraph& graph);
/// What a node reads: its inputs, and what its subgraphs capture.
std::set<std::string> names_read(const OnnxNode& node);

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// A TensorProto of strings: their positions in place of them, i64. Nothing for one of another type.
struct NamedStrings {
  std::string name;
  Tensor positions;
  std::vector<std::string> strings;
};
std::optional<NamedStrings> parse_onnx_strings(std::string_view message, const std::string& where);

/// A TensorProto, whose text lies in source.bytes.
NamedTensor parse_onnx_tensor(std::string_view message, const OnnxSource& source, const std::string& where);

/// Puts the nodes in topological order, those that can stay as they are; subgraphs are left alone. Throws
/// Failure(corrupt) for a cycle, a name made twice and an input that nothing makes.
void sort_topologically(OnnxGraph& graph);

}  // namespace dormouse::engine
