#pragma once

#include <optional>

#include "learning/fast_head.h"
#include "learning/statistics.h"

namespace dormouse::learning {

/// Softmax regression on the latent by plain SGD: the fast weights that forget on their own.
///
/// A label moves the weights by at most `steps` gradient steps; unlearn() steps the other way, which undoes a
/// label only approximately (ridge does it exactly).
class SgdHead final : public FastHead {
 public:
  struct Options {
    float rate = 0.01f;
    int steps = 4;  ///< gradient steps a label
  };
  /// `start`: the slow head where it is linear in the latent, or nothing (zeros). Latents are standardised by
  /// `scale` inside, so that one rate suits every model.
  SgdHead(std::size_t latent_size, std::size_t classes, const engine::LinearHead* start, LatentScale scale,
          Options options);

  std::size_t classes() const override { return classes_; }
  std::size_t latent_size() const override { return scale_.mean.size(); }
  void grow(std::size_t classes) override;
  void observe(std::span<const float> latent, ClassIndex label) override { step(latent, label, 1); }
  void unlearn(std::span<const float> latent, ClassIndex label) override { step(latent, label, -1); }
  void absorb(const Statistics&) override {}
  engine::LinearHead head() const override;
  std::size_t bytes() const override { return sizeof(float) * weights_.size(); }

 private:
  void step(std::span<const float> latent, ClassIndex label, float sign);

  std::size_t classes_;
  LatentScale scale_;
  Options options_;
  std::vector<float> weights_;  ///< [C, D + 1] on standardised latents
};

}  // namespace dormouse::learning
