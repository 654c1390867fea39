#pragma once

#include <span>
#include <vector>

#include "engine/op.h"

namespace dormouse::engine {

View view_of(const Tensor& tensor);

/// A portable kernel bound to its operands; they are borrowed.
struct KernelCall {
  Kernel kernel = nullptr;
  const Attributes* attributes = nullptr;
  std::span<const View> inputs;
  std::span<const View> outputs;
  std::size_t scratch_bytes = 0;

  void run(std::span<std::byte> scratch) const noexcept { kernel({inputs, outputs, *attributes, scratch}); }
};

/// Chooses the kernel. Throws Failure(unsupported) naming node, operator and type when there is none.
KernelCall prepare(const Node& node, std::span<const View> inputs, std::span<const View> outputs);

}  // namespace dormouse::engine
