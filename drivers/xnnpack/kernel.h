#pragma once

#include <span>
#include <string_view>

#include "drivers/xnnpack/builder.h"

namespace dormouse::drivers::xnnpack {

/// How XNNPACK computes one ONNX operator.
struct Kernel {
  std::string_view op;
  /// Whether it computes `node` as the portable kernel does. Asked only about f32 nodes of static, not empty
  /// shapes.
  bool (*supports)(const engine::Graph& graph, const engine::Node& node);
  /// Adds what computes `node` to the subgraph under construction.
  void (*emit)(Builder& builder, const engine::Node& node);
  /// It computes; the others only move elements and are not worth a hand-over alone.
  bool arithmetic = true;
};

/// Every kernel, in the order of the table in kernels.cpp.
std::span<const Kernel* const> all_kernels();
/// The kernel for `op`, or null.
const Kernel* find_kernel(const engine::Op& op);

}  // namespace dormouse::drivers::xnnpack
