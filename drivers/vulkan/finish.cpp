#include "drivers/vulkan/finish.h"

#include <limits>

#include "drivers/operands.h"

namespace dormouse::drivers::vulkan {
namespace {

using engine::Graph;
using engine::Node;
using What = Finish::What;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Nothing where it is known at run time only.
std::optional<float> bound(const Graph& graph, const Node& node, std::size_t i, std::string_view name,
                           float none) {
  if (!has_input(node, i)) return node.attributes.get<float>(name, none);
  const engine::Tensor* const given = constant(graph, node, i);
  if (!given || given->dtype() != engine::DType::f32 || given->elements() != 1) return std::nullopt;
  return given->values<float>()[0];
}

std::optional<Finish> bounds(const Graph& graph, const Node& node) {
  const auto low = bound(graph, node, 1, "min", -kInfinity), high = bound(graph, node, 2, "max", kInfinity);
  if (!low || !high || !(*low <= *high)) return std::nullopt;
  return Finish{What::bounds, *low, *high};
}

}  // namespace

std::optional<Finish> finish_of(const Graph& graph, const Node& node) {
  const std::string_view name = node.op->name;
  const auto setting = [&](std::string_view attribute, float fallback) {
    return node.attributes.get<float>(attribute, fallback);
  };
  if (name == "Relu") return Finish{What::bounds, 0, kInfinity};
  if (name == "Clip") return bounds(graph, node);
  if (name == "LeakyRelu") return Finish{What::leaky, setting("alpha", 0.01f)};
  if (name == "HardSwish") return Finish{What::hard_swish, 1.0f / 6, 0.5f};
  if (name == "HardSigmoid") return Finish{What::hard_sigmoid, setting("alpha", 0.2f), setting("beta", 0.5f)};
  if (name == "Sigmoid") return Finish{What::sigmoid};
  if (name == "Swish") return Finish{What::swish, setting("alpha", 1)};
  return std::nullopt;
}

}  // namespace dormouse::drivers::vulkan
