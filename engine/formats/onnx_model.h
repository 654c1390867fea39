#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/attributes.h"
#include "engine/formats/external_files.h"

namespace dormouse::engine {

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
};

struct OnnxValue {
  std::string name;
  std::optional<DType> dtype;  ///< nothing: no tensor, or of an element type we do not have
  std::optional<Shape> shape;
};

struct OnnxModel {
  std::map<std::string, std::int64_t> opsets;  ///< version by domain
  std::vector<std::pair<std::string, Tensor>> initialisers;
  std::vector<OnnxValue> inputs;
  std::vector<OnnxValue> outputs;
  std::vector<OnnxNode> nodes;
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// Where the bytes of a model come from.
struct OnnxSource {
  std::shared_ptr<Buffer> bytes;
  std::string name;
  std::shared_ptr<ExternalFiles> files;  ///< null: weights in other files are refused
};

OnnxModel parse_onnx(const OnnxSource& source);

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// A TensorProto, whose text lies in source.bytes.
NamedTensor parse_onnx_tensor(std::string_view message, const OnnxSource& source, const std::string& where);

/// Puts the nodes in topological order, those that can stay as they are. Throws Failure(corrupt) for a cycle,
/// a name made twice and an input that nothing makes.
void sort_topologically(OnnxModel& model, const std::string& file);

}  // namespace dormouse::engine
