#pragma once

#include <optional>

#include "engine/ops/inference.h"

/// What the operators that choose an element type share.
namespace dormouse::engine {

/// Whether numbers of this type are real ones, through which gradients flow.
bool is_floating(DType type);

/// The type that ONNX's TensorProto gives this number, if we have it.
std::optional<DType> onnx_element_type(std::int64_t number);

/// Input 0 as elements of the output's type.
void cast_kernel(const KernelContext& context) noexcept;

/// None where either type is not of real numbers.
Gradients cast_gradient(const GradientContext& context);

}  // namespace dormouse::engine
