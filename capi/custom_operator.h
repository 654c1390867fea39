#pragma once

#include <string>

#include "capi/dormouse.h"
#include "engine/op.h"

namespace dormouse::capi {

/// An operator of the program around us: its callbacks behind the engine's interface.
class CustomOperator final : public engine::Op {
 public:
  /// Throws Failure(invalid) for what is missing or contradicts itself.
  explicit CustomOperator(const dormouse_operator& op);
  CustomOperator(const CustomOperator&) = delete;
  CustomOperator& operator=(const CustomOperator&) = delete;

 private:
  static void infer_outputs(engine::InferContext& context);
  static void compute(const engine::Op& op, const engine::KernelContext& context);

  std::string own_name_;
  std::string own_domain_;
  dormouse_operator callbacks_;
};

}  // namespace dormouse::capi
