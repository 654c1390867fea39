#include <algorithm>
#include <cmath>

#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

constexpr int kMaxRounds = 100;
template <class T>
constexpr T kLeast = static_cast<T>(1e-7);  // of a pair's probability, and that it keeps from 1

std::int64_t classes_of(const Attributes& attributes) { return attributes.integer("classes", 2); }

void infer(InferContext& context) {
  const std::int64_t classes = classes_of(context.attributes());
  context.require(classes >= 2 && classes <= 1000, "classes is not in 2 … 1000");
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  const Shape& pairs = context.shape(0);
  context.require(pairs.rank() == 2 && compatible(pairs[1], classes * (classes - 1) / 2),
                  "is not given a probability for each pair of classes");
  context.set_output(0, context.dtype(0), {pairs[0], classes});
}

/// p_i with p_i / (p_i + p_j) ≈ r_ij: the second method of Wu, Lin and Weng, "Probability Estimates for
/// Multi-class Classification by Pairwise Coupling" (JMLR 5, 2004), with LIBSVM's bounds.
template <class T>
class Coupling {
 public:
  explicit Coupling(std::size_t classes) : classes_(classes), q_(classes * classes), qp_(classes) {}

  void run(const T* pairs, T* p) {
    fill(pairs);
    std::fill_n(p, classes_, 1 / static_cast<T>(classes_));
    const T enough = T{0.005f} / static_cast<T>(classes_);
    for (int round = 0; round < kMaxRounds; ++round) {
      T pqp = 0;
      for (std::size_t i = 0; i < classes_; ++i) {
        qp_[i] = 0;
        for (std::size_t j = 0; j < classes_; ++j) qp_[i] += q(i, j) * p[j];
        pqp += p[i] * qp_[i];
      }
      T error = 0;
      for (const T value : qp_) error = std::max(error, std::abs(value - pqp));
      if (!(error >= enough)) return;
      for (std::size_t i = 0; i < classes_; ++i) improve(i, pqp, p);
    }
  }

 private:
  T& q(std::size_t i, std::size_t j) { return q_[i * classes_ + j]; }

  // Q_ii = Σ r_ji², Q_ij = -r_ji r_ij.
  void fill(const T* pairs) {
    for (std::size_t i = 0; i < classes_; ++i) q(i, i) = 0;
    for (std::size_t i = 0; i < classes_; ++i)
      for (std::size_t j = i + 1; j < classes_; ++j) {
        const T first = std::clamp(*pairs++, kLeast<T>, 1 - kLeast<T>), second = 1 - first;
        q(i, i) += second * second;
        q(j, j) += first * first;
        q(i, j) = q(j, i) = -first * second;
      }
  }

  void improve(std::size_t i, T& pqp, T* p) {
    const T step = (pqp - qp_[i]) / q(i, i), scale = 1 + step;
    p[i] += step;
    pqp = (pqp + step * (step * q(i, i) + 2 * qp_[i])) / scale / scale;
    for (std::size_t j = 0; j < classes_; ++j) {
      qp_[j] = (qp_[j] + step * q(i, j)) / scale;
      p[j] /= scale;
    }
  }

  std::size_t classes_;
  std::vector<T> q_, qp_;
};

template <class T>
void compute(const KernelContext& context) noexcept {
  const std::int64_t rows = context.shape(0)[0], pairs = context.shape(0)[1],
                     classes = classes_of(context.attributes);
  Coupling<T> coupling(static_cast<std::size_t>(classes));
  for (std::int64_t row = 0; row < rows; ++row)
    coupling.run(context.in<T>(0).data() + row * pairs, context.out<T>(0).data() + row * classes);
}

}  // namespace

namespace ops {
extern const Op pairwise_coupling{
    .name = "PairwiseCoupling",
    .domain = "dormouse",
    .infer = infer,
    .kernels = kernels<float, double>(compute<float>, compute<double>),
    .samples = {{.shapes = {{4, 3}}, .attributes = {{"classes", std::int64_t{3}}}, .low = 0, .high = 1},
                {.shapes = {{2, 1}}, .low = 0, .high = 1}}};
}  // namespace ops

}  // namespace dormouse::engine
