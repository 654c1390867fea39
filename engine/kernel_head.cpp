#include "engine/kernel_head.h"

#include <algorithm>
#include <cmath>

namespace dormouse::engine {
namespace {

constexpr float kUnlike = -1;  // the score far from every example

std::vector<float> squared_norms(const Tensor& rows) {
  const auto width = static_cast<std::size_t>(rows.shape()[1]);
  std::vector<float> norms;
  for (auto left = rows.values<float>(); !left.empty(); left = left.subspan(width)) {
    double sum = 0;
    for (const float x : left.first(width)) sum += double{x} * double{x};
    norms.push_back(static_cast<float>(sum));
  }
  return norms;
}

/// a · bᵀ, or a · b when `transposed` is false.
Tensor product(const Tensor& a, const Tensor& b, bool transposed) {
  const std::int64_t m = a.shape()[0], k = a.shape()[1], n = b.shape()[transposed ? 0 : 1];
  const Matrix<float> right{b.values<float>().data(), transposed ? 1 : n, transposed ? k : 1};
  Tensor out(DType::f32, Shape{m, n});
  const auto scratch = Buffer::allocate(gemm_scratch(m, n, k));
  gemm(m, n, k, 1.0f, {a.values<float>().data(), k, 1}, right, false, out.mutable_values<float>().data(), n,
       {scratch->writable_data(), scratch->size()});
  return out;
}

Tensor matching(Tensor examples, const Tensor& weights) {
  const Shape &rows = examples.shape(), &columns = weights.shape();
  const bool matrices = rows.rank() == 2 && columns.rank() == 2;
  if (!matrices || rows[0] != columns[0] || rows[0] == 0 || rows[1] == 0 || columns[1] == 0)
    throw Failure(Errc::invalid,
                  "a kernel head: examples " + to_string(rows) + ", weights " + to_string(columns));
  return examples;
}

}  // namespace

Tensor squared_distances(const Tensor& x, const Tensor& y) {
  const auto left = squared_norms(x), right = squared_norms(y);
  Tensor distances = product(x, y, true);
  float* value = distances.mutable_values<float>().data();
  for (const float a : left)
    for (const float b : right) {
      *value = std::max(a + b - 2 * *value, 0.0f);
      ++value;
    }
  return distances;
}

Tensor gaussian_similarities(const Tensor& x, const Tensor& y, float sharpness) {
  Tensor similarities = squared_distances(x, y);
  for (float& value : similarities.mutable_values<float>()) value = std::exp(-sharpness * value);
  return similarities;
}

KernelHead::KernelHead(Tensor examples, Tensor weights, float sharpness)
    : examples_(matching(std::move(examples), weights)),
      weights_(std::move(weights)),
      sharpness_(sharpness),
      norms_(squared_norms(examples_)),
      packed_({examples_.values<float>().data(), 1, examples_.shape()[1]}, examples_.shape()[1],
              examples_.shape()[0]) {
  if (!all_finite(norms_) || !all_finite(weights_.values<float>()) || !(sharpness > 0))
    throw Failure(Errc::invalid, "a kernel head: a value that is not finite");
}

void KernelHead::scores(std::span<const float> latent, std::span<float> out) const {
  ensure(latent.size() == latent_size() && out.size() == classes(), "a latent of this head, and its scores");
  std::vector<float> similar(packed_.padded_columns());
  packed_.multiply(latent, similar);
  float norm = 0;
  for (const float x : latent) norm += x * x;
  std::ranges::fill(out, kUnlike);
  const float* weight = weights_.values<float>().data();
  for (std::size_t i = 0; i < norms_.size(); ++i, weight += out.size()) {
    const float distance = std::max(norm + norms_[i] - 2 * similar[i], 0.0f);
    const float similarity = std::exp(-sharpness_ * distance);
    for (std::size_t c = 0; c < out.size(); ++c) out[c] += similarity * weight[c];
  }
}

Tensor KernelHead::scores(const Tensor& latents) const {
  ensure(latents.shape().rank() == 2 && latents.shape()[1] == examples_.shape()[1], "latents of this head");
  Tensor scores = product(gaussian_similarities(latents, examples_, sharpness_), weights_, false);
  for (float& score : scores.mutable_values<float>()) score += kUnlike;
  return scores;
}

}  // namespace dormouse::engine
