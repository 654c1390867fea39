#pragma once

#include "learning/fast_head.h"
#include "learning/statistics.h"

namespace dormouse::learning {

/// Exact ridge regression from the latent (with bias) to one-hot labels.
///
/// Plain: all examples weigh alike; observe() updates the inverse by Sherman–Morrison in O(D²).
/// Balanced: every class weighs alike, however many examples it has, which a class of ten among classes of
/// hundreds needs; the weights are solved afresh by Cholesky in head(), O(C·D² + D³) (about 1 ms at D = 128).
/// In both the result is that of the batch solution on the same examples, whatever their order (to about
/// 1e-9).
///
/// Memory: C·D²/2 doubles (balanced and unlearn need the moments of each class).
class RidgeHead final : public FastHead {
 public:
  struct Options {
    double ridge = 1e-2;  ///< penalty, relative to the mean second moment of a latent element
    /// Weight of an example: n^-balance, n being the examples of its class. 1: classes weigh alike; 0:
    /// examples do.
    double balance = 1.0;
    float temperature = 0.2f;  ///< of the head until it is fitted on held-out examples
  };
  /// Starts from `seed` (empty classes allowed); the number of classes is seed.size().
  RidgeHead(std::size_t latent_size, Statistics seed, Options options);

  std::size_t classes() const override { return statistics_.size(); }
  std::size_t latent_size() const override { return width_; }
  void grow(std::size_t classes) override;
  void observe(std::span<const float> latent, ClassIndex label) override { update(latent, label, 1); }
  void unlearn(std::span<const float> latent, ClassIndex label) override { update(latent, label, -1); }
  engine::LinearHead head() const override;
  std::size_t bytes() const override;

  /// In double precision, [D + 1, C] row-major.
  std::vector<double> weights() const;
  const Statistics& statistics() const { return statistics_; }

 private:
  void update(std::span<const float> latent, ClassIndex label, double times);
  void solve_plain();

  std::size_t width_;
  Options options_;
  Statistics statistics_;
  // Plain mode: (Σx̃x̃ᵀ + λI)⁻¹ and its product with Σx̃yᵀ.
  std::vector<double> inverse_;
  std::vector<double> weights_;
};

}  // namespace dormouse::learning
