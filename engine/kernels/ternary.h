#pragma once

#include <cstdint>
#include <span>

/// Products of 8-bit numbers with matrices of −1, 0 and 1, packed four to a byte (BitNet b1.58, Ma et al.
/// 2024).
///
/// A row is packed in blocks of kTernaryBlock weights and 32 bytes: bits 2s and 2s + 1 of byte b are weight
/// 32·s + b of the block plus 1. What fills the last block up is 0.
namespace dormouse::engine {

inline constexpr std::int64_t kTernaryBlock = 128, kTernaryBytes = kTernaryBlock / 4;

constexpr std::int64_t ternary_blocks(std::int64_t weights) {
  return (weights + kTernaryBlock - 1) / kTernaryBlock;
}

/// The least magnitude that scales go by, and the steps of a row up to its largest number.
inline constexpr float kLeastScale = 1e-5f, kTernarySteps = 127;

/// The step between ternary weights: the mean magnitude, at least kLeastScale.
float ternary_scale(std::span<const float> weights);
/// round(weight / scale) within ±1.
std::int8_t ternary(float weight, float scale);
/// One row, ternary_blocks(row.size()) · kTernaryBytes bytes.
void pack_ternary(std::span<const float> row, float scale, std::uint8_t* to);

/// Row of x in steps of max|x| / kTernarySteps, that maximum at least kLeastScale; returns that step, which
/// is NaN where x has one. `to` may be longer than x, and ends in zeros.
float quantize_row(std::span<const float> x, std::span<std::int8_t> to);

/// Σ x·w over `blocks` blocks, exact up to 2^24 of them; x has kTernaryBlock numbers for each.
struct TernaryDot {
  std::int32_t (*run)(std::int64_t blocks, const std::uint8_t* weights, const std::int8_t* x) noexcept;
};

extern const TernaryDot kPortableTernaryDot;
#if defined(__x86_64__)
extern const TernaryDot kAvx2TernaryDot;
#elif defined(__aarch64__)
extern const TernaryDot kNeonTernaryDot;
extern const TernaryDot kSdotTernaryDot;  ///< ARMv8.2 with dot products of integers
#endif

/// That of the widest vector instructions that this processor has.
const TernaryDot& best_ternary_dot();

}  // namespace dormouse::engine
