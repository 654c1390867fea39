#include "learning/ridge.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "learning/cholesky.h"
#include "learning/lift.h"

namespace dormouse::learning {
namespace {

constexpr std::size_t kSolveAfresh = 4096;  // updates

constexpr std::size_t packed(std::size_t i, std::size_t j) { return i * (i + 1) / 2 + j; }

/// Four sums side by side, so that the compiler may use vectors without reordering a sum.
double dot(const double* a, const double* b, std::size_t n) {
  double sums[4] = {};
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (std::size_t k = 0; k < 4; ++k) sums[k] += a[i + k] * b[i + k];
  for (; i < n; ++i) sums[0] += a[i] * b[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

void add_scaled(double* to, double factor, const double* from, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) to[i] += factor * from[i];
}

double penalty_for(const PooledScatter& seed, double relative) {
  double trace = 0;
  for (std::size_t i = 0; i < seed.width(); ++i) trace += seed.scatter()[packed(i, i)];
  return trace > 0 ? relative * trace / static_cast<double>(seed.width()) : 1;
}

}  // namespace

RidgeHead::RidgeHead(std::size_t latent_size, const Statistics& seed, Options options,
                     std::shared_ptr<const Tensor> lift)
    : latent_size_(latent_size),
      options_(options),
      lift_(std::move(lift)),
      pooled_(lift_ ? static_cast<std::size_t>(lift_->shape()[1]) : latent_size, seed.size(),
              options_.balanced ? Weigh::classes : Weigh::examples),
      penalty_(options_.penalty.value_or(1)) {
  pooled_.add(seed);
  if (!options_.penalty) penalty_ = penalty_for(pooled_, options_.ridge);
  solve();
}

void RidgeHead::grow(std::size_t classes) {
  pooled_.grow(classes);
  solved_.resize(classes * pooled_.width());
}

void RidgeHead::absorb(const Statistics& statistics) {
  pooled_.add(statistics);
  solve();
}

void RidgeHead::solve() {
  const std::size_t width = pooled_.width();
  std::vector<double> system(pooled_.scatter().begin(), pooled_.scatter().end());
  for (std::size_t i = 0; i < width; ++i) system[packed(i, i)] += penalty_;
  inverse_ = Cholesky(system, width).inverse();
  solved_.resize(classes() * width);
  for (std::size_t c = 0; c < classes(); ++c) solve_mean(static_cast<ClassIndex>(c));
  updates_ = 0;
}

void RidgeHead::solve_mean(ClassIndex label) {
  const std::size_t width = pooled_.width();
  double* solved = solved_.data() + label * width;
  std::fill_n(solved, width, 0.0);
  for (std::size_t i = 0; i < width; ++i)
    add_scaled(solved, pooled_.mean(label)[i], inverse_.data() + i * width, width);
}

std::vector<float> RidgeHead::features(std::span<const float> latent) const {
  if (lift_) return lifted(*lift_, latent);
  return {latent.begin(), latent.end()};
}

void RidgeHead::observe(std::span<const float> latent, ClassIndex label) {
  check_example(latent, label, *this);
  follow(label, pooled_.add(features(latent), label));
}

void RidgeHead::unlearn(std::span<const float> latent, ClassIndex label) {
  check_example(latent, label, *this);
  follow(label, pooled_.take_back(features(latent), label));
}

/// Sherman–Morrison on the inverse, and on every class's part of the solution.
void RidgeHead::follow(ClassIndex label, const PooledScatter::Move& by) {
  if (by.d.empty()) return solve_mean(label);
  if (by.reweighed || ++updates_ >= kSolveAfresh) return solve();
  const std::size_t width = pooled_.width();
  std::vector<double> gain(width);  // (S + λI)⁻¹·d
  for (std::size_t i = 0; i < width; ++i)
    add_scaled(gain.data(), by.d[i], inverse_.data() + i * width, width);
  const double spread = dot(gain.data(), by.d.data(), width), scale = by.times / (1 + by.times * spread);
  for (std::size_t i = 0; i < width; ++i)
    add_scaled(inverse_.data() + i * width, -scale * gain[i], gain.data(), width);
  for (std::size_t c = 0; c < classes(); ++c) {
    // The class's mean has moved already; its solution moves from the old one.
    const double along =
        dot(gain.data(), pooled_.mean(c).data(), width) - (c == label ? by.share * spread : 0);
    add_scaled(solved_.data() + c * width, -scale * along, gain.data(), width);
  }
  add_scaled(solved_.data() + label * width, by.share * (1 - scale * spread), gain.data(), width);
}

std::vector<double> RidgeHead::weights() const {
  return options_.rule == Rule::regression ? regression() : discriminants();
}

// tr(ΛS/N) = tr((S + λI)⁻¹S) = D − λ·tr((S + λI)⁻¹). The mean over classes goes because a softmax does not
// see it, while a night that takes over one class's column (rows_from_fast) does.
std::vector<double> RidgeHead::discriminants() const {
  const std::size_t width = pooled_.width(), count = classes();
  const double total = pooled_.total();
  double trace = static_cast<double>(width), present = 0;
  for (std::size_t i = 0; i < width; ++i) trace -= penalty_ * inverse_[i * (width + 1)];
  std::vector<double> weights((width + 1) * count);
  for (std::size_t c = 0; c < count; ++c) {
    if (pooled_.count(c) <= 0) continue;
    ++present;
    const double* solved = solved_.data() + c * width;
    for (std::size_t i = 0; i < width; ++i) weights[i * count + c] = total * solved[i];
    weights[width * count + c] =
        (trace / pooled_.count(c) - total * dot(pooled_.mean(c).data(), solved, width)) / 2;
  }
  for (std::size_t i = 0; i <= width; ++i) {
    double* row = weights.data() + i * count;
    const double middle = std::accumulate(row, row + count, 0.0) / std::max(present, 1.0);
    for (std::size_t c = 0; c < count; ++c)
      if (pooled_.count(c) > 0) row[c] -= middle;
  }
  for (std::size_t c = 0; c < count; ++c)
    if (pooled_.count(c) <= 0) weights[width * count + c] = kNever;
  return weights;
}

// The bias is one more element of each mean, which scatters not at all: its part of (S + λI)⁻¹ is 1/λ.
std::vector<double> RidgeHead::regression() const {
  std::vector<std::size_t> present;
  for (std::size_t c = 0; c < classes(); ++c)
    if (pooled_.count(c) > 0) present.push_back(c);
  const std::size_t width = pooled_.width(), n = present.size();
  const double bias = 1 / penalty_;
  std::vector<double> weights((width + 1) * classes()), inner(n * (n + 1) / 2), mix(n * n), column(width);
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = 0; k <= j; ++k)
      inner[packed(j, k)] =
          dot(pooled_.mean(present[j]).data(), solved_.data() + present[k] * width, width) + bias;
    inner[packed(j, j)] += options_.balanced ? 1 : 1 / pooled_.count(present[j]);
    mix[j * n + j] = 1;
  }
  if (n > 0) Cholesky(inner, n).solve(mix, n);
  for (std::size_t j = 0; j < n; ++j) {
    std::ranges::fill(column, 0.0);
    for (std::size_t k = 0; k < n; ++k) {
      add_scaled(column.data(), mix[k * n + j], solved_.data() + present[k] * width, width);
      weights[width * classes() + present[j]] += mix[k * n + j] * bias;
    }
    for (std::size_t i = 0; i < width; ++i) weights[i * classes() + present[j]] = column[i];
  }
  return weights;
}

engine::LinearHead RidgeHead::head() const {
  const std::vector<double> exact = weights();
  engine::LinearHead head{
      Tensor(engine::DType::f32, Shape{std::int64_t(pooled_.width() + 1), std::int64_t(classes())}),
      options_.temperature, lift_};
  std::ranges::transform(exact, head.weights.mutable_values<float>().begin(),
                         [](double w) { return static_cast<float>(w); });
  return head;
}

}  // namespace dormouse::learning
