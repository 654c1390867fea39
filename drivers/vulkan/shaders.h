#pragma once

#include <cstdint>
#include <span>

namespace dormouse::drivers::vulkan {

/// The compute shaders in shaders/; each says what its specialisation constants and bindings are.
enum class Shader : std::uint8_t {
  copy,
  elementwise1,  ///< by the most steps
  elementwise4,
  elementwise24,
  gather,
  moments,
  product,
  product_halves,    ///< of f16, where a device computes with it
  product_matrices,  ///< and has units for matrices of it
  recurrent,
  reduce,
  reduce_subgroups,  ///< with operations of subgroups
  rows,
  rows_subgroups,
  scan,
  window
};

struct ShaderInfo {
  const char* name;
  std::span<const std::uint32_t> code;  ///< SPIR-V
  std::uint32_t bindings;
};

const ShaderInfo& info(Shader shader);

}  // namespace dormouse::drivers::vulkan
