#pragma once

#include <optional>

#include "engine/passes/rewrite.h"

/// What the passes over quantised models share: reading QuantizeLinear and DequantizeLinear of 8-bit numbers.
namespace dormouse::engine {

/// Known scales and zero points of 8-bit numbers of `type`; `zero_id` may be kAbsent, for 0.
struct Quantization {
  DType type = DType::u8;
  ValueId scale_id = kAbsent, zero_id = kAbsent;
  std::vector<float> scales;  ///< positive; one for all, or one for each slice along `axis`
  std::vector<std::int32_t> zeros;
  std::int64_t axis = 1;

  bool one_for_all() const { return scales.size() == 1 && zeros.size() == 1; }
  /// The numbers that `value` and everything above, or below, is quantised to.
  std::int32_t quantize(float value) const;
  bool operator==(const Quantization& other) const {
    return type == other.type && scales == other.scales && zeros == other.zeros;
  }
};

/// What a QuantizeLinear or DequantizeLinear node of 8-bit numbers and f32 says; nothing when it computes it,
/// or is of other types.
std::optional<Quantization> quantization(const Rewrite& graph, const Node& node);

/// A value's numbers before a DequantizeLinear made it, and what they stand for.
struct Dequantized {
  ValueId numbers;
  Quantization quantization;
};
std::optional<Dequantized> dequantized(const Rewrite& graph, ValueId value);

/// Whether `node` turns constant 8-bit numbers into real ones: left alone until it is clear who reads them.
bool dequantizes_constant(const Graph& graph, const Node& node);

}  // namespace dormouse::engine
