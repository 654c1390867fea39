#pragma once

#include <span>
#include <vector>

#include "engine/kernels/packed_matrix.h"
#include "engine/tensor.h"

namespace dormouse::engine {

/// Gaussian kernels around remembered examples:
///
///     score_c(x) = Σᵢ αᵢc · exp(−s·‖x − xᵢ‖²) − 1
///
/// learning/kernel_fit.h finds the α. A latent costs N·(D + C) multiplications and N exponentials. Immutable.
class KernelHead {
 public:
  /// `examples` f32 [N, D] and `weights` (α) f32 [N, C], N > 0. Throws Failure(invalid) when the shapes
  /// contradict each other or a value is not finite.
  KernelHead(Tensor examples, Tensor weights, float sharpness);

  std::size_t size() const { return norms_.size(); }
  std::size_t latent_size() const { return static_cast<std::size_t>(examples_.shape()[1]); }
  std::size_t classes() const { return static_cast<std::size_t>(weights_.shape()[1]); }
  float sharpness() const { return sharpness_; }
  const Tensor& weights() const { return weights_; }

  /// Of one latent: writes classes() scores.
  void scores(std::span<const float> latent, std::span<float> out) const;
  /// Of many, f32 [n, D] to f32 [n, C].
  Tensor scores(const Tensor& latents) const;

 private:
  Tensor examples_, weights_;
  float sharpness_;
  std::vector<float> norms_;  ///< ‖xᵢ‖²
  PackedMatrix packed_;       ///< the examples as columns
};

/// exp(−s·‖xᵢ − yⱼ‖²), f32 [N, M], of rows f32 [N, D] and [M, D].
Tensor gaussian_similarities(const Tensor& x, const Tensor& y, float sharpness);
/// ‖xᵢ − yⱼ‖², likewise; never below 0.
Tensor squared_distances(const Tensor& x, const Tensor& y);

}  // namespace dormouse::engine
