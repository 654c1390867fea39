#pragma once

#include <memory>
#include <optional>

#include "learning/fast_head.h"
#include "learning/pooled.h"

namespace dormouse::learning {

/// Exact linear classes on the latent by a regularised scatter, a rank-1 update a label.
///
/// With S the scatter within classes, pooled, of total weight N, λ, the class means μ_c and the examples n_c
/// of each class, two rules:
///
/// Regression is ridge regression to one-hot labels, its normal equations split into what lies within and
/// between classes; μ̃_c is a mean with the bias appended:
///
///     W = A⁻¹·G·V,   A = S + λI + G·V·Gᵀ,   G = [μ̃_1 … μ̃_C],   V = diag(v_c).
///
/// It masks a class that lies between others (Hastie, Tibshirani and Friedman, The Elements of Statistical
/// Learning, §4.2). Discriminants are Fisher's, by the regularised covariance of Friedman (1989), every class
/// as likely as another:
///
///     logit_c = μ_cᵀΛx − ½·(μ_cᵀΛμ_c − tr(ΛS/N)/n_c),   Λ = N·(S + λI)⁻¹,
///
/// less the mean over the classes that have examples; the others never win (bias kNever). The trace is by how
/// much the mean of n_c examples is expected to seem farther out than the class is (Moran and Murphy 1979),
/// which would cost a class of few labels most of its answers.
///
/// Plain: v_c = n_c, the examples of the class, and examples weigh alike in S. Balanced: v_c = 1 and classes
/// weigh (nearly, see Weigh) alike in S, however many examples they have, which a class of ten among classes
/// of hundreds needs.
///
/// A label moves S by a rank-1 matrix (Welford) and (S + λI)⁻¹ by Sherman–Morrison; what follows is
/// Woodbury's identity for regression, and at hand for discriminants: O(D² + C·D) for a label and the head
/// that follows, O(C²·D) more by regression. The result is that of the batch solution on the same examples in
/// any order (to about 1e-9). It is solved afresh, O(D³), every 4096 labels, which keeps rounding from adding
/// up, and when a class weighs otherwise (its 9th label, 17th, 33rd …). Memory: 3D²/2 + 2C·D doubles,
/// balanced (C + 3)·D²/2 + 2C·D; the inverse and the solved means, D² + C·D of them, are made again from the
/// rest.
class RidgeHead final : public FastHead {
 public:
  enum class Rule { regression, discriminants };
  struct Options {
    double ridge = 1e-2;  ///< λ relative to the seed's scatter within classes, mean over elements
    std::optional<double> penalty =
        {};  ///< λ itself; nothing: by `ridge`, or 1 where the seed has no scatter
    bool balanced = true;
    Rule rule = Rule::regression;
    float temperature = 0.2f;  ///< of the head until it is fitted on held-out examples

    static Options discriminants() { return {.ridge = 0.3, .rule = Rule::discriminants, .temperature = 1}; }
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
  std::vector<double> regression() const;
  std::vector<double> discriminants() const;
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
