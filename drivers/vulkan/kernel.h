#pragma once

#include <span>
#include <string_view>

#include "drivers/vulkan/expression.h"
#include "drivers/vulkan/recorder.h"

namespace dormouse::drivers::vulkan {

/// How a device computes one operator: by dispatches of its own, or as element-wise steps that join those of
/// its neighbours.
struct Kernel {
  std::string_view op;
  /// Whether it computes `node` as the portable kernel does, to its rounding. Asked only about nodes whose
  /// operands are of types that the driver takes, of static, not empty shapes.
  bool (*supports)(const engine::Graph& graph, const engine::Node& node) = nullptr;  ///< null: always
  void (*emit)(Recorder& recorder, const engine::Node& node) = nullptr;
  void (*express)(Expression& expression, const engine::Graph& graph, const engine::Node& node) = nullptr;
  /// Worth a hand-over alone; the others only move elements.
  bool alone = true;
  /// Inputs that may be computed integers, one bit each; all else that is computed is f32 or boolean.
  std::uint32_t integers = 0;
  /// Inputs of which only the shape is read, one bit each.
  std::uint32_t shapes = 0;
  /// It takes and gives booleans.
  bool booleans = false;
  /// It takes and gives f16, which is f32 on the device.
  bool halves = false;
  /// Its results are finished as Recorder::finish() says.
  bool finishes = false;
  /// It reads constants alone, and may do so: it makes one.
  bool constant = false;
};

/// Every kernel there is.
std::span<const Kernel* const> all_kernels();
/// The kernel for `op`, or null.
const Kernel* find_kernel(const engine::Op& op);

}  // namespace dormouse::drivers::vulkan
