#include "learning/kernel_head.h"

#include <algorithm>
#include <cmath>

#include "engine/kernels/gemm.h"
#include "learning/cholesky.h"

namespace dormouse::learning {
namespace {

constexpr std::size_t kMedianRows = 512;
constexpr float kUnlike = -1;  // the score far from every example

std::vector<float> squared_norms(const Tensor& rows) {
  const auto count = static_cast<std::size_t>(rows.shape()[0]),
             width = static_cast<std::size_t>(rows.shape()[1]);
  std::vector<float> norms(count);
  for (std::size_t i = 0; i < count; ++i) {
    double sum = 0;
    for (const float x : rows.values<float>().subspan(i * width, width)) sum += double{x} * double{x};
    norms[i] = static_cast<float>(sum);
  }
  return norms;
}

/// a · bᵀ, or a · b when `transposed` is false.
Tensor product(const Tensor& a, const Tensor& b, bool transposed) {
  const std::int64_t m = a.shape()[0], k = a.shape()[1], n = b.shape()[transposed ? 0 : 1];
  const engine::Matrix<float> right{b.values<float>().data(), transposed ? 1 : n, transposed ? k : 1};
  Tensor out(engine::DType::f32, Shape{m, n});
  const auto scratch = engine::Buffer::allocate(engine::gemm_scratch(m, n, k));
  engine::gemm(m, n, k, 1.0f, {a.values<float>().data(), k, 1}, right, false,
               out.mutable_values<float>().data(), n, {scratch->writable_data(), scratch->size()});
  return out;
}

/// Inner products become squared distances, in place.
void to_distances(Tensor& products, std::span<const float> left, std::span<const float> right) {
  const auto values = products.mutable_values<float>();
  for (std::size_t i = 0; i < left.size(); ++i)
    for (std::size_t j = 0; j < right.size(); ++j) {
      float& value = values[i * right.size() + j];
      value = std::max(left[i] + right[j] - 2 * value, 0.0f);
    }
}

/// The median squared distance between different examples, of at most kMedianRows evenly chosen ones.
double typical_distance(const LabelledLatents& examples) {
  const std::size_t step = (examples.size() + kMedianRows - 1) / kMedianRows;
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < examples.size(); i += step) chosen.push_back(i);
  const Tensor rows = gather(examples, chosen).latents;
  const auto norms = squared_norms(rows);
  Tensor distances = product(rows, rows, true);
  to_distances(distances, norms, norms);
  std::vector<float> between;
  for (std::size_t i = 0; i < chosen.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) between.push_back(distances.values<float>()[i * chosen.size() + j]);
  if (between.empty()) return 1;
  const auto middle = between.begin() + std::ssize(between) / 2;
  std::ranges::nth_element(between, middle);
  return *middle > 0 ? double{*middle} : 1;
}

}  // namespace

KernelHead::KernelHead(LabelledLatents examples, std::size_t classes)
    : KernelHead(std::move(examples), classes, Options()) {}

KernelHead::KernelHead(LabelledLatents examples, std::size_t classes, Options options)
    : examples_(std::move(examples)), classes_(classes), norms_(squared_norms(examples_.latents)) {
  ensure(examples_.size() > 0, "examples to learn from");
  ensure(std::ranges::max(examples_.classes) < classes, "known classes");
  if (!std::ranges::all_of(norms_, [](float x) { return std::isfinite(x); }))
    throw Failure(Errc::invalid, "an example has values that are not finite");
  sharpness_ = static_cast<float>(options.width / typical_distance(examples_));
  solve(options);
}

void KernelHead::solve(const Options& options) {
  const std::size_t n = examples_.size();
  std::vector<double> count(classes_);
  for (const ClassIndex c : examples_.classes) ++count[c];
  const double mean = double(n) / double(std::ranges::count_if(count, [](double x) { return x > 0; }));

  const Tensor kernel = similarities(examples_.latents);
  std::vector<double> lower(n * (n + 1) / 2), targets(n * classes_);
  for (std::size_t i = 0, at = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) lower[at++] = double{kernel.values<float>()[i * n + j]};
    lower[at - 1] += options.ridge * std::pow(count[examples_.classes[i]] / mean, options.balance);
    targets[i * classes_ + examples_.classes[i]] = 1 - kUnlike;
  }
  Cholesky(lower, n).solve(targets, classes_);
  weights_ = Tensor(engine::DType::f32, Shape{std::int64_t(n), std::int64_t(classes_)});
  std::ranges::transform(targets, weights_.mutable_values<float>().begin(),
                         [](double x) { return static_cast<float>(x); });
}

Tensor KernelHead::similarities(const Tensor& inputs) const {
  Tensor kernel = product(inputs, examples_.latents, true);
  to_distances(kernel, squared_norms(inputs), norms_);
  for (float& value : kernel.mutable_values<float>()) value = std::exp(-sharpness_ * value);
  return kernel;
}

Tensor KernelHead::scores(const Tensor& inputs) const {
  ensure(inputs.shape().rank() == 2 && inputs.shape()[1] == examples_.latents.shape()[1],
         "inputs of this width");
  Tensor scores = product(similarities(inputs), weights_, false);
  for (float& score : scores.mutable_values<float>()) score += kUnlike;
  return scores;
}

}  // namespace dormouse::learning
