#pragma once

#include "engine/tensor.h"

namespace dormouse::engine {

/// What a driver can be besides: one that takes a tensor to its device before a whole program (WholeProgram)
/// is given it, while that runs on another one. Thread-safe.
class SendsAhead {
 public:
  virtual ~SendsAhead() = default;
  /// The same elements, maybe on their way to the device; where that brings nothing, or cannot be, the tensor
  /// itself. Not to outlive the driver.
  virtual Tensor sent(const Tensor& tensor) const = 0;
};

}  // namespace dormouse::engine
