#include "memory/episode.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "config/error.h"
#include "engine/dtype.h"

namespace dormouse::memory {
namespace {

/// splitmix64's finaliser (Steele, Lea and Flood, 2014).
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

bool is_held_out(EpisodeId id) { return mix(id) < std::numeric_limits<std::uint64_t>::max() / 5; }

CodedLatent quantise(std::span<const float> latent) {
  float largest = 0;
  for (float x : latent) {
    if (!std::isfinite(x)) throw Failure(Errc::invalid, "a latent holds a value that is not finite");
    largest = std::max(largest, std::abs(x));
  }
  CodedLatent coded{std::vector<std::int8_t>(latent.size()), largest / 127};
  if (coded.scale == 0) return coded;
  std::ranges::transform(latent, coded.codes.begin(), [&](float x) {
    return static_cast<std::int8_t>(std::clamp(std::nearbyint(x / coded.scale), -127.0f, 127.0f));
  });
  return coded;
}

CodedLatent encoded(std::vector<std::uint16_t> halves) {
  std::vector<float> values(halves.size());
  std::ranges::transform(halves, values.begin(),
                         [](std::uint16_t bits) { return engine::to_float(engine::Half{bits}); });
  CodedLatent coded = quantise(values);
  coded.halves = std::move(halves);
  return coded;
}

CodedLatent encode(std::span<const float> latent, LatentFormat format) {
  constexpr float kLargestHalf = 65504;
  const bool fits = std::ranges::all_of(latent, [](float x) { return std::abs(x) <= kLargestHalf; });
  if (format == LatentFormat::int8 || !fits) return quantise(latent);
  std::vector<std::uint16_t> halves(latent.size());
  std::ranges::transform(latent, halves.begin(), [](float x) { return engine::to_half(x).bits; });
  return encoded(std::move(halves));
}

void dequantise(const CodedLatent& latent, std::span<float> out) {
  ensure(out.size() == latent.codes.size(), "a decoded latent is as long as its code");
  if (!latent.halves.empty()) {
    std::ranges::transform(latent.halves, out.begin(),
                           [](std::uint16_t bits) { return engine::to_float(engine::Half{bits}); });
    return;
  }
  std::ranges::transform(latent.codes, out.begin(),
                         [&](std::int8_t code) { return static_cast<float>(code) * latent.scale; });
}

std::vector<float> dequantise(const CodedLatent& latent) {
  std::vector<float> values(latent.codes.size());
  dequantise(latent, values);
  return values;
}

double strength(double importance, std::int64_t uses, Clock::Wall::duration unused) {
  using Days = std::chrono::duration<double, std::ratio<86400>>;
  constexpr double tau = 30;
  const double days = std::max(0.0, Days(unused).count());  // the wall clock may have jumped back
  return importance * std::exp(-days / (tau * static_cast<double>(1 + uses)));
}

}  // namespace dormouse::memory
