#pragma once

#include <memory>
#include <optional>

#include "learning/fast_head.h"
#include "learning/pooled.h"

namespace dormouse::learning {

/// Exact regularised least squares on the latent, a rank-1 update a label.
///
/// Ridge regression to one-hot labels, its normal equations split into what lies within and between classes:
/// with S the scatter within classes, pooled, and μ̃_c the class means, the bias appended,
///
///     W = A⁻¹·G·V,   A = S + λI + G·V·Gᵀ,   G = [μ̃_1 … μ̃_C],   V = diag(v_c).
///
/// Plain: v_c = n_c, the examples of the class, and examples weigh alike in S. Balanced: v_c = 1 and classes
/// weigh (nearly, see Weigh) alike in S, however many examples they have, which a class of ten among classes
/// of hundreds needs.
///
/// A label moves S by a rank-1 matrix (Welford), (S + λI)⁻¹ by Sherman–Morrison and W by Woodbury's identity:
/// O(D² + C·D + C²·D) for a label and the head that follows. The result is that of the batch solution on the
/// same examples in any order (to about 1e-9). It is solved afresh, O(D³), every 4096 labels, which keeps
/// rounding from adding up, and when a class weighs otherwise (its 9th label, 17th, 33rd …). Memory: 3D²/2 +
/// 2C·D doubles, balanced (C + 3)·D²/2 + 2C·D; the inverse and the solved means, D² + C·D of them, are made
/// again from the rest.
class RidgeHead final : public FastHead {
 public:
  struct Options {
    double ridge = 1e-2;  ///< λ relative to the seed's scatter within classes, mean over elements
    std::optional<double> penalty =
        {};  ///< λ itself; nothing: by `ridge`, or 1 where the seed has no scatter
    bool balanced = true;
    float temperature = 0.2f;  ///< of the head until it is fitted on held-out examples
  };
  /// Starts from `seed` (empty classes allowed); the number of classes is seed.size(). With `lift` (as in
  /// engine::LinearHead) the head works on its features: `seed` and D are theirs, latents are lifted here.
  RidgeHead(std::size_t latent_size, const Statistics& seed, Options options,
            std::shared_ptr<const Tensor> lift = nullptr);

  std::size_t classes() const override { return pooled_.classes(); }
  std::size_t latent_size() const override { return latent_size_; }
  void grow(std::size_t classes) override;
  void observe(std::span<const float> latent, ClassIndex label) override;
  void unlearn(std::span<const float> latent, ClassIndex label) override;
  void absorb(const Statistics& statistics) override;
  engine::LinearHead head() const override;
  std::size_t bytes() const override { return pooled_.bytes(); }

  /// In double precision, [D + 1, C] row-major.
  std::vector<double> weights() const;

 private:
  std::vector<float> features(std::span<const float> latent) const;
  void follow(ClassIndex label, const PooledScatter::Move& by);
  void solve();  ///< inverse_ and solved_ from what is pooled
  void solve_mean(ClassIndex label);

  std::size_t latent_size_;
  Options options_;
  std::shared_ptr<const Tensor> lift_;
  PooledScatter pooled_;
  double penalty_;               ///< λ
  std::vector<double> inverse_;  ///< (S + λI)⁻¹, [D, D]
  std::vector<double> solved_;   ///< rows (S + λI)⁻¹·μ_c, [C, D]
  std::size_t updates_ = 0;      ///< since it was solved afresh
};

}  // namespace dormouse::learning
