#include "engine/formats/onnx_gradient.h"

namespace dormouse::engine {

bool is_gradient(const OnnxNode& node) {
  return node.op_type == "Gradient" && node.domain == "ai.onnx.preview.training";
}

OnnxGradient gradient_of(const OnnxNode& node) {
  const auto* const y = node.attributes.find<std::string>("y");
  const auto* const xs = node.attributes.find<std::vector<std::string>>("xs");
  if (!y || !xs || xs->size() != node.outputs.size())
    throw Failure(Errc::corrupt, node.where + ": y, and one entry of xs for each output, are needed");
  std::vector<std::string> named = *xs;
  const auto constants = node.attributes.get<std::vector<std::string>>("zs", {});
  named.insert(named.end(), constants.begin(), constants.end());
  if (named != node.inputs)
    throw Failure(Errc::unsupported, node.where +
                                         ": its inputs are not the values that xs and zs name; a "
                                         "gradient is taken where the graph itself is evaluated");
  return {*y, *xs};
}

}  // namespace dormouse::engine
