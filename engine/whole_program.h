#pragma once

#include <span>
#include <vector>

#include "engine/tensor.h"

namespace dormouse::engine {

/// What a driver's Program can be besides, to run as a whole plan whose outputs are given to it again, as a
/// training step's parameters are: they need not leave its device between two runs.
class WholeProgram {
 public:
  virtual ~WholeProgram() = default;
  /// As Program::run(), on tensors aligned for their types. Outputs are nobody else's; they may be read-only,
  /// can be read when the device has failed, and must not outlive the driver.
  virtual std::vector<Tensor> run_whole(std::span<const Tensor* const> inputs) = 0;
};

}  // namespace dormouse::engine
