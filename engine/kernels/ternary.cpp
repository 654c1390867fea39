#include "engine/kernels/ternary.h"

#include <algorithm>
#include <cmath>

#include "engine/kernels/quantize.h"

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace dormouse::engine {
namespace {

const TernaryDot& detect() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) return kAvx2TernaryDot;
#elif defined(__aarch64__)
  return (::getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0 ? kSdotTernaryDot : kNeonTernaryDot;
#endif
  return kPortableTernaryDot;
}

std::int32_t dot(std::int64_t blocks, const std::uint8_t* weights, const std::int8_t* x) noexcept {
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < blocks; ++i, weights += kTernaryBytes, x += kTernaryBlock)
    for (std::int64_t s = 0; s < 4; ++s)
      for (std::int64_t b = 0; b < kTernaryBytes; ++b)
        sum += ((weights[b] >> 2 * s & 3) - 1) * x[s * kTernaryBytes + b];
  return sum;
}

}  // namespace

float ternary_scale(std::span<const float> weights) {
  double sum = 0;
  for (const float weight : weights) sum += std::abs(double{weight});
  const double mean = weights.empty() ? 0 : sum / static_cast<double>(weights.size());
  return std::max(static_cast<float>(mean), kLeastScale);
}

std::int8_t ternary(float weight, float scale) {
  const float steps = weight / scale;
  return static_cast<std::int8_t>((steps > 0.5f) - (steps < -0.5f));
}

void pack_ternary(std::span<const float> row, float scale, std::uint8_t* to) {
  for (std::size_t first = 0; first < row.size(); first += kTernaryBlock, to += kTernaryBytes)
    for (std::size_t b = 0; b < kTernaryBytes; ++b) {
      unsigned byte = 0;
      for (std::size_t s = 0; s < 4; ++s) {
        const std::size_t i = first + s * kTernaryBytes + b;
        const int weight = i < row.size() ? ternary(row[i], scale) : 0;
        byte |= static_cast<unsigned>(weight + 1) << 2 * s;
      }
      to[b] = static_cast<std::uint8_t>(byte);
    }
}

float quantize_row(std::span<const float> x, std::span<std::int8_t> to) {
  float most = kLeastScale;
  bool numbers = true;
  for (const float value : x) {
    const float magnitude = std::abs(value);
    most = magnitude > most ? magnitude : most;
    numbers &= magnitude == magnitude;
  }
  const float steps = kTernarySteps / most;
  for (std::size_t i = 0; i < x.size(); ++i) to[i] = quantized<std::int8_t>(x[i] * steps, 0);
  std::fill(to.begin() + std::ssize(x), to.end(), std::int8_t{0});
  return numbers ? most / kTernarySteps : NAN;
}

extern const TernaryDot kPortableTernaryDot{dot};

const TernaryDot& best_ternary_dot() {
  static const TernaryDot& best = detect();
  return best;
}

}  // namespace dormouse::engine
