#include "engine/kernel_call.h"

namespace dormouse::engine {

// Kernels never write through their inputs; a View is one type for both directions.
View view_of(const Tensor& tensor) {
  return {tensor.dtype(), &tensor.shape(), const_cast<std::byte*>(tensor.data())};
}

KernelCall prepare(const Node& node, std::span<const View> inputs, std::span<const View> outputs,
                   const Parallel* parallel) {
  const Op& op = *node.op;
  if (op.routine) return {nullptr, &op, &node.attributes, inputs, outputs, 0};
  const bool from_input = op.kernel_input < inputs.size() && inputs[op.kernel_input].present();
  const DType type = from_input ? inputs[op.kernel_input].dtype : outputs[0].dtype;
  const Kernel kernel = op.kernel_for(type);
  if (!kernel)
    throw Failure(Errc::unsupported, std::string(op.name) + " (node " + node.name + "): has no kernel for " +
                                         std::string(word(type)));
  const KernelContext whole{inputs, outputs, node.attributes, {}};
  KernelCall call{kernel, &op, &node.attributes, inputs, outputs, 0, Pieces::of(op, whole, parallel)};
  if (call.pieces)
    call.scratch_bytes = call.pieces->scratch_bytes();
  else if (op.scratch)
    call.scratch_bytes = op.scratch(whole);
  return call;
}

}  // namespace dormouse::engine
