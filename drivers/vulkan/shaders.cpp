#include "drivers/vulkan/shaders.h"

#include <array>

namespace dormouse::drivers::vulkan {
namespace {

constexpr std::uint32_t kCopy[] = {
#include "copy.inc"
};
constexpr std::uint32_t kElementwise1[] = {
#include "elementwise1.inc"
};
constexpr std::uint32_t kElementwise4[] = {
#include "elementwise4.inc"
};
constexpr std::uint32_t kElementwise24[] = {
#include "elementwise24.inc"
};
constexpr std::uint32_t kGather[] = {
#include "gather.inc"
};
constexpr std::uint32_t kMoments[] = {
#include "moments.inc"
};
constexpr std::uint32_t kProduct[] = {
#include "product.inc"
};
constexpr std::uint32_t kProductHalves[] = {
#include "product_halves.inc"
};
constexpr std::uint32_t kProductMatrices[] = {
#include "product_matrices.inc"
};
constexpr std::uint32_t kRecurrent[] = {
#include "recurrent.inc"
};
constexpr std::uint32_t kReduce[] = {
#include "reduce.inc"
};
constexpr std::uint32_t kReduceSubgroups[] = {
#include "reduce_subgroups.inc"
};
constexpr std::uint32_t kRowsSubgroups[] = {
#include "rows_subgroups.inc"
};
constexpr std::uint32_t kRows[] = {
#include "rows.inc"
};
constexpr std::uint32_t kScan[] = {
#include "scan.inc"
};
constexpr std::uint32_t kWindow[] = {
#include "window.inc"
};

}  // namespace

const ShaderInfo& info(Shader shader) {
  // In the order of Shader.
  static constexpr std::array<ShaderInfo, 16> table{{
      {"copy", kCopy, 2},
      {"elementwise1", kElementwise1, 9},
      {"elementwise4", kElementwise4, 9},
      {"elementwise24", kElementwise24, 9},
      {"gather", kGather, 3},
      {"moments", kMoments, 3},
      {"product", kProduct, 4},
      {"product_halves", kProductHalves, 4},
      {"product_matrices", kProductMatrices, 4},
      {"recurrent", kRecurrent, 9},
      {"reduce", kReduce, 2},
      {"reduce_subgroups", kReduceSubgroups, 2},
      {"rows", kRows, 8},
      {"rows_subgroups", kRowsSubgroups, 8},
      {"scan", kScan, 4},
      {"window", kWindow, 4},
  }};
  return table.at(static_cast<std::size_t>(shader));
}

}  // namespace dormouse::drivers::vulkan
