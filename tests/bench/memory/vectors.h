#pragma once

#include <random>
#include <span>
#include <string>
#include <vector>

#include "memory/index.h"

namespace dormouse::bench {

inline constexpr std::size_t kWidth = 128;

/// Synthetic latents, the same for the same seed.
///
/// `clusters`: 200 Gaussians of deviation 0.5 around centres of deviation 1, as latents lie around their
/// classes. `decaying`: one Gaussian whose i-th element has variance 1 / (1 + i). `white`: one Gaussian, all
/// elements alike: there is nothing in it for a graph to follow, and no latent of a trained model is like it.
class Vectors {
 public:
  Vectors(const std::string& kind, unsigned seed);
  std::vector<float> draw();

 private:
  std::mt19937 random_;
  std::normal_distribution<float> normal_;
  std::vector<float> deviations_;
  std::vector<std::vector<float>> centres_;
};

/// An index of `count` vectors, episodes 1, 2, 3 …, with nothing gone.
memory::VectorIndex filled_index(Vectors& vectors, std::size_t count);

/// The vectors of an index in f32, searched by the definition.
class Truth {
 public:
  explicit Truth(const memory::VectorIndex& index);
  /// Ids of the nearest `k`, ascending.
  std::vector<memory::EpisodeId> nearest(std::span<const float> query, std::size_t k) const;

 private:
  std::vector<float> values_;
};

}  // namespace dormouse::bench
