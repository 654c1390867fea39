#pragma once

#include <vector>

#include "learning/latents.h"

namespace dormouse::learning {

/// Gaussian kernel ridge regression on remembered examples: what a night makes of memory in closed form.
///
///     score_c(x) = Σᵢ αᵢc · exp(−γ‖x − xᵢ‖² / m) − 1,   (K + λW⁻¹)·α = Y + 1
///
/// m is the median squared distance between the examples, Y is ±1, and an example weighs n^-balance, n being
/// the examples of its class (Saunders, Gammerman and Vovk 1998; Rifkin 2004). It is a committee of the
/// examples themselves: where memory holds few of them it is far better than a network trained on as many,
/// and it forgets exactly what memory forgets. A score costs N·D multiplications. Immutable.
class KernelHead {
 public:
  struct Options {
    double width = 1.5;   ///< γ
    double ridge = 0.05;  ///< λ
    double balance = 1;   ///< 1: classes weigh alike; 0: examples do
  };
  /// `examples`: at least one; their values are kept (shared), α takes N·C floats. O(N²·D + N³/3). Throws
  /// Failure(invalid) when a value is not finite.
  KernelHead(LabelledLatents examples, std::size_t classes, Options options);
  KernelHead(LabelledLatents examples, std::size_t classes);

  /// f32 [N, classes]; a class without examples scores -1 everywhere.
  Tensor scores(const Tensor& inputs) const;
  std::size_t classes() const { return classes_; }
  std::size_t size() const { return examples_.size(); }

 private:
  Tensor similarities(const Tensor& inputs) const;
  void solve(const Options& options);

  LabelledLatents examples_;
  std::size_t classes_;
  std::vector<float> norms_;  ///< ‖xᵢ‖²
  float sharpness_ = 1;       ///< γ / m
  Tensor weights_;            ///< α, f32 [N, classes]
};

}  // namespace dormouse::learning
