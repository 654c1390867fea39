#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/clock.h"

namespace dormouse::memory {

/// Counts from 1 and is never used twice, not even after a crash: see Store::reserve_ids.
using EpisodeId = std::uint64_t;

/// memory.episodic.latents: how the latents of episodes are kept.
enum class LatentFormat : std::uint8_t { int8, f16 };

/// A latent in one byte an element: value = code · scale. What is kept in half precision has its values, too;
/// its codes are those of the rounded values.
struct CodedLatent {
  std::vector<std::int8_t> codes;
  float scale = 0;
  std::vector<std::uint16_t> halves{};  ///< bits of IEEE binary16, as many as codes; or none

  friend bool operator==(const CodedLatent&, const CodedLatent&) = default;
};

/// One that lies elsewhere.
struct LatentView {
  LatentView() = default;
  LatentView(std::span<const std::int8_t> in_codes, float by, std::span<const std::uint16_t> in_halves = {})
      : codes(in_codes), scale(by), halves(in_halves) {}
  LatentView(const CodedLatent& latent) : LatentView(latent.codes, latent.scale, latent.halves) {}

  std::span<const std::int8_t> codes;
  float scale = 0;
  std::span<const std::uint16_t> halves;
};

/// Rounds to nearest with scale = max|x| / 127, the rule of the seed memory too. A latent of zeros has scale
/// 0. Throws Failure(invalid) when an element is not finite.
CodedLatent quantise(std::span<const float> latent);
/// In this format, but codes alone where an element is beyond the range of half precision (65504).
CodedLatent encode(std::span<const float> latent, LatentFormat format);
/// From the bits of halves, all finite.
CodedLatent encoded(std::vector<std::uint16_t> halves);
/// The values in the best precision there is.
std::vector<float> dequantise(const CodedLatent& latent);
/// Into `out`, which is as long as the codes (ensure()d).
void dequantise(const CodedLatent& latent, std::span<float> out);

/// Whether this episode, once labelled, belongs to the guard and never to training: one id in five, for ever.
///
/// A pure function of the id: the id goes through the finaliser of splitmix64, a bijection in which every
/// input bit flips every output bit with probability near ½, and the result is split at 1/5 of its range.
/// Consecutive ids, ids of one class, or ids at any stride therefore fall on both sides independently.
bool is_held_out(EpisodeId id);

/// A raw input as a model takes it.
struct Clip {
  std::vector<std::int64_t> shape;
  std::vector<float> values;

  bool empty() const { return values.empty(); }
  std::size_t bytes() const { return values.size() * sizeof(float); }
  friend bool operator==(const Clip&, const Clip&) = default;
};

/// One remembered experience.
struct Episode {
  EpisodeId id = 0;
  std::string model;
  std::string stream;  ///< where the input came from; empty: a request that did not say
  Clock::Wall time{};
  std::int64_t version = 0;            ///< of the weights that answered
  std::int64_t embedding_version = 0;  ///< of the trunk that made the latent: only equals compare
  CodedLatent latent;
  std::string prediction;  ///< class name
  float confidence = 0;
  float novelty = 0;
  std::uint8_t route = 0;  ///< as hrm numbers them
  std::optional<std::string> label;
  float importance = 1;     ///< when it was last used; it decays from there (strength())
  std::uint32_t uses = 0;   ///< how often it was recalled to some effect
  Clock::Wall last_used{};  ///< set to `time` when it is remembered
  Clip clip;                ///< to be kept with it if there is room; what is read back has none: Store::clip

  bool held_out() const { return is_held_out(id); }
};

/// How much an answer says that is not known yet: the larger of novelty and doubt, in [0, 1].
inline float surprise(float confidence, float novelty) {
  return novelty > 1 - confidence ? novelty : 1 - confidence;
}
/// What feedback adds to the importance of an episode, and what it adds when it corrected the answer.
inline constexpr float kLabelImportance = 1, kCorrectionImportance = 2;

/// What time has left of an episode's importance:
///
///     strength = importance · exp(−Δt / (τ · (1 + uses)))     Δt since last_used, τ = 30 days
double strength(double importance, std::int64_t uses, Clock::Wall::duration unused);

}  // namespace dormouse::memory
