#pragma once

#include <map>
#include <string>

#include "learning/fast_head.h"
#include "learning/pooled.h"

namespace dormouse::learning {

/// Streaming linear discriminant analysis: class means and one covariance that all classes share (Hayes and
/// Kanan 2020).
///
/// logit_c = μ_cᵀΛx − ½·μ_cᵀΛμ_c with Λ = ((1 − ε)·Σ + ε·I)⁻¹ and Σ the scatter within classes over all
/// examples, divided by their number. The scatter moves by Welford's update, so that the result is that of
/// the batch, whatever the order (to rounding). Classes weigh alike. observe() is O(D²); head() solves anew,
/// O(D³ + C·D²). Memory: D(D + 1)/2 + C·(D + 1) doubles.
class SldaHead final : public FastHead {
 public:
  struct Options {
    double shrinkage = 1e-4;  ///< ε
  };
  /// Starts from `seed` (empty classes allowed); the number of classes is seed.size().
  SldaHead(std::size_t latent_size, const Statistics& seed, Options options);

  std::size_t classes() const override { return pooled_.classes(); }
  std::size_t latent_size() const override { return width_; }
  void grow(std::size_t classes) override { pooled_.grow(classes); }
  void observe(std::span<const float> latent, ClassIndex label) override;
  void unlearn(std::span<const float> latent, ClassIndex label) override;
  void absorb(const Statistics& statistics) override { pooled_.add(statistics); }
  engine::LinearHead head() const override;
  std::size_t bytes() const override { return pooled_.bytes(); }

  /// What a night leaves on disk: means f32 [C, D], counts f64 [C], the scatter as deviations f32 [D] and
  /// 16-bit correlations i16 [D(D - 1)/2] in units of 1/32767 (about 2·D² + 4·C·D bytes, a quarter of
  /// bytes(); an error far below the shrinkage).
  std::map<std::string, Tensor> packed() const;
  /// The head that packed() describes. Throws Failure(corrupt) when the shapes contradict each other.
  static SldaHead unpacked(const std::map<std::string, Tensor>& state, Options options);
  static std::size_t packed_bytes(std::size_t latent_size, std::size_t classes);

  /// In double precision, [D + 1, C] row-major; a class without examples never wins (bias kNever).
  std::vector<double> weights() const;

 private:
  std::size_t width_;
  Options options_;
  PooledScatter pooled_;
};

}  // namespace dormouse::learning
