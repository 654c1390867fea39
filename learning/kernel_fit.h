#pragma once

#include <optional>
#include <vector>

#include "engine/kernel_head.h"
#include "learning/cholesky.h"
#include "learning/latents.h"

namespace dormouse::learning {

struct KernelOptions {
  double width = 1.5;   ///< γ
  double ridge = 0.05;  ///< λ
  double balance = 1;   ///< 1: classes weigh alike; 0: examples do
};

/// Gaussian kernel ridge regression on remembered examples: what a night makes of memory in closed form.
///
///     score_c(x) = Σᵢ αᵢc · exp(−γ‖x − xᵢ‖² / m) − 1,   (K + λW⁻¹)·α = Y + 1
///
/// m is the median squared distance between the examples, Y is ±1, and an example weighs n^-balance, n being
/// the examples of its class (Saunders, Gammerman and Vovk 1998; Rifkin 2004). It is a committee of the
/// examples themselves: where memory holds few of them it is far better than a network trained on as many,
/// and it forgets exactly what memory forgets.
///
/// Done in pieces of a few ms for 1000 examples, O(N²·D + N³/3 + N²·C) in all, and 8·N² bytes.
class KernelFit {
 public:
  /// `examples`: at least one, their classes below `classes`. Throws Failure(invalid) when a value is not
  /// finite.
  KernelFit(LabelledLatents examples, std::size_t classes, KernelOptions options = {});

  /// Does the next piece; true while there is more.
  bool advance();
  /// Once all is done. A class without examples scores -1 everywhere.
  engine::KernelHead head() const;

 private:
  void compare_more();
  void solve_more();

  LabelledLatents examples_;
  std::size_t classes_;
  double width_;
  float sharpness_ = 0;         ///< γ / m, once known
  std::vector<double> ridge_;   ///< λW⁻¹, by example
  std::vector<double> kernel_;  ///< [N, N], its lower triangle so far
  std::size_t compared_ = 0;    ///< rows of it
  std::optional<Cholesky> factor_;
  Tensor weights_;          ///< α, f32 [N, classes] …
  std::size_t solved_ = 0;  ///< … its columns so far
};

/// All of it at once.
engine::KernelHead fit_kernel(LabelledLatents examples, std::size_t classes, KernelOptions options = {});

}  // namespace dormouse::learning
