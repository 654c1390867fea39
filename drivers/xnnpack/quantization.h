#pragma once

#include <cstdint>
#include <optional>

#include "engine/op.h"

/// What 8-bit values stand for. ONNX says it where they are made and read, XNNPACK wants it of the value
/// itself. Here every 8-bit value is i8: a u8 counts 128 less, and so does its zero point.
namespace dormouse::drivers::xnnpack {

inline constexpr std::int32_t kUnsignedShift = 128;

/// A number q stands for (q - zero_point) · scale.
struct Quantization {
  float scale;
  std::int32_t zero_point;
  bool operator==(const Quantization&) const = default;
};

inline bool is_quantized8(engine::DType type) {
  return type == engine::DType::i8 || type == engine::DType::u8;
}

/// A scale that XNNPACK takes.
bool is_scale(float scale);

/// What the constant inputs `scale` and `scale` + 1 (the zero point; absent: 0) say of numbers of `type`;
/// nothing when they are not known now, or are several.
std::optional<Quantization> stated(const engine::Graph& graph, const engine::Node& node, std::size_t scale,
                                   engine::DType type);

/// The input that is the scale of what `node` makes or, of `input` 0, reads; nothing when it does not say.
std::optional<std::size_t> scale_of_output(const engine::Node& node);
std::optional<std::size_t> scale_of_input(const engine::Node& node);

/// What the numbers of an 8-bit value stand for: its maker says so, or else a reader; operators that only
/// move numbers are looked through. Nothing when nobody does.
std::optional<Quantization> quantization_of(const engine::Graph& graph, engine::ValueId value);

/// Whether `node` says of its input 0 what quantization_of() does, and moves only numbers that stand for the
/// same.
bool consistent(const engine::Graph& graph, const engine::Node& node);

}  // namespace dormouse::drivers::xnnpack
