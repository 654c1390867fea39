#pragma once

#include "drivers/operands.h"
#include "drivers/xnnpack/kernel.h"

/// How the kernels read a node's operands.
namespace dormouse::drivers::xnnpack {

/// For operators that work in any layout: channels-last when an operand is at hand that way and the others
/// can follow.
Layout shared_layout(const Builder& builder, const engine::Node& node);

/// For operators that give input 0, of the output's rank, in other extents: channels-last when that is at
/// hand so.
Layout selection_layout(const Builder& builder, const engine::Node& node);

/// Input i in that layout.
Id operand(Builder& builder, const engine::Node& node, std::size_t i, Layout layout);

}  // namespace dormouse::drivers::xnnpack
