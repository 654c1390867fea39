#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/pieces.h"

namespace dormouse::engine {

View view_of(const Tensor& tensor);

/// A portable kernel, or a routine, bound to its operands; they are borrowed.
struct KernelCall {
  Kernel kernel = nullptr;
  const Op* op = nullptr;  ///< whose routine it is where there is no kernel
  const Attributes* attributes = nullptr;
  std::span<const View> inputs;
  std::span<const View> outputs;
  std::size_t scratch_bytes = 0;
  std::shared_ptr<const Pieces> pieces = {};  ///< null: the kernel is called once

  void run(std::span<std::byte> scratch) const {
    const KernelContext context{inputs, outputs, *attributes, scratch};
    if (pieces)
      pieces->run(kernel, context);
    else if (kernel)
      kernel(context);
    else
      op->routine(*op, context);
  }
};

/// Chooses the kernel, to be shared by the threads of `parallel` where there are any; the routine where the
/// operator has one. Throws Failure(unsupported) naming node,
/// operator and type when there is none.
KernelCall prepare(const Node& node, std::span<const View> inputs, std::span<const View> outputs,
                   const Parallel* parallel = nullptr);

}  // namespace dormouse::engine
