#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace dormouse::learning {

/// How far answers in numbers are from what was true: by target, and by how far ahead it was.
///
/// An example is `horizon` rows of one number a target. Figures of all targets together are means over
/// targets in units of `deviations`, so that none counts more because its unit is small.
class NumberErrors {
 public:
  /// `deviations`: of each target, above 0.
  explicit NumberErrors(std::vector<float> deviations, std::size_t horizon = 1);

  /// Of one example after the other; ensure()s the width.
  void add(std::span<const float> answers, std::span<const float> truths);

  std::size_t targets() const { return deviations_.size(); }
  std::size_t horizon() const { return absolute_.size() / targets(); }
  std::size_t examples() const { return examples_; }

  double mae(std::size_t target) const;   ///< mean absolute error, in the target's unit
  double rmse(std::size_t target) const;  ///< root of the mean squared error, in the target's unit
  /// Share of the target's variance that the answers explain, 1 − Σ(a − t)² / Σ(t − mean of t)²; NaN where it
  /// never varies.
  double r2(std::size_t target) const;

  double mae() const;                    ///< of all targets, in deviations
  double mse() const;                    ///< likewise, squared
  double r2() const;                     ///< mean over the targets that vary
  double mae_at(std::size_t row) const;  ///< of one row ahead, from 0
  double mse_at(std::size_t row) const;

 private:
  void add_one(std::span<const float> answer, std::span<const float> truth);
  double by_row(const std::vector<double>& sums, std::size_t row, int power) const;

  std::vector<float> deviations_;
  std::vector<double> absolute_, squared_;  // sums by row and target
  std::vector<double> first_, sum_,
      squares_;  // of the truths, by target; from the first one on, which keeps them exact
  std::size_t examples_ = 0;
};

}  // namespace dormouse::learning
