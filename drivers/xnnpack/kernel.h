#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "drivers/xnnpack/builder.h"

namespace dormouse::drivers::xnnpack {

/// What a kernel does with 8-bit values.
enum class EightBit : std::uint8_t {
  refused,  ///< it is of f32
  between,  ///< where its inputs are dequantised and its output is quantised, it computes on the 8-bit values
  moved,    ///< the same, and it takes 8-bit values as they are: what they stand for does not matter to it
  computed,  ///< it is about 8-bit values
};

/// How XNNPACK computes one ONNX operator.
struct Kernel {
  std::string_view op;
  /// Whether it computes `node` as the portable kernel does, to its rounding. Asked only about nodes of f32
  /// and such 8-bit values as it takes, of static, not empty shapes.
  bool (*supports)(const engine::Graph& graph, const engine::Node& node);
  /// Adds what computes `node` to the subgraph under construction.
  void (*emit)(Builder& builder, const engine::Node& node);
  /// Worth a hand-over alone; the others only move elements, or pay for another layout.
  bool alone = true;
  EightBit eight_bit = EightBit::refused;
  /// It takes nodes of several outputs; the others are asked about nodes of one.
  bool splits = false;
};

/// Every kernel, in the order of the table in kernels.cpp.
std::span<const Kernel* const> all_kernels();
/// The kernel for `op`, or null.
const Kernel* find_kernel(const engine::Op& op);

}  // namespace dormouse::drivers::xnnpack
