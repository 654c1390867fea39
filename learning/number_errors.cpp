#include "learning/number_errors.h"

#include <cmath>
#include <limits>

#include "config/error.h"

namespace dormouse::learning {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

double of_target(const std::vector<double>& sums, std::size_t target, std::size_t targets) {
  double sum = 0;
  for (std::size_t i = target; i < sums.size(); i += targets) sum += sums[i];
  return sum;
}

}  // namespace

NumberErrors::NumberErrors(std::vector<float> deviations, std::size_t horizon)
    : deviations_(std::move(deviations)),
      absolute_(horizon * deviations_.size()),
      squared_(absolute_.size()),
      first_(deviations_.size()),
      sum_(deviations_.size()),
      squares_(deviations_.size()) {
  ensure(!absolute_.empty(), "there is something to answer");
}

void NumberErrors::add(std::span<const float> answers, std::span<const float> truths) {
  const std::size_t width = absolute_.size();
  ensure(answers.size() == truths.size() && truths.size() % width == 0, "an answer for every truth");
  for (std::size_t at = 0; at < truths.size(); at += width)
    add_one(answers.subspan(at, width), truths.subspan(at, width));
}

void NumberErrors::add_one(std::span<const float> answer, std::span<const float> truth) {
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const std::size_t target = i % targets();
    const double error = double{answer[i]} - double{truth[i]};
    absolute_[i] += std::abs(error);
    squared_[i] += error * error;
    if (examples_ == 0 && i < targets()) first_[target] = double{truth[i]};
    const double from_first = double{truth[i]} - first_[target];
    sum_[target] += from_first;
    squares_[target] += from_first * from_first;
  }
  ++examples_;
}

double NumberErrors::mae(std::size_t target) const {
  return of_target(absolute_, target, targets()) / static_cast<double>(examples_ * horizon());
}

double NumberErrors::rmse(std::size_t target) const {
  return std::sqrt(of_target(squared_, target, targets()) / static_cast<double>(examples_ * horizon()));
}

double NumberErrors::r2(std::size_t target) const {
  const double variation =
      squares_[target] - sum_[target] * sum_[target] / static_cast<double>(examples_ * horizon());
  if (!(variation > 0)) return kNothing;
  return 1 - of_target(squared_, target, targets()) / variation;
}

double NumberErrors::by_row(const std::vector<double>& sums, std::size_t row, int power) const {
  double sum = 0;
  for (std::size_t target = 0; target < targets(); ++target)
    sum += sums[row * targets() + target] / std::pow(double{deviations_[target]}, power);
  return sum / static_cast<double>(examples_ * targets());
}

double NumberErrors::mae_at(std::size_t row) const { return by_row(absolute_, row, 1); }
double NumberErrors::mse_at(std::size_t row) const { return by_row(squared_, row, 2); }

double NumberErrors::mae() const {
  double sum = 0;
  for (std::size_t row = 0; row < horizon(); ++row) sum += mae_at(row);
  return sum / static_cast<double>(horizon());
}

double NumberErrors::mse() const {
  double sum = 0;
  for (std::size_t row = 0; row < horizon(); ++row) sum += mse_at(row);
  return sum / static_cast<double>(horizon());
}

double NumberErrors::r2() const {
  double sum = 0;
  std::size_t varying = 0;
  for (std::size_t target = 0; target < targets(); ++target) {
    const double share = r2(target);
    if (std::isnan(share)) continue;
    sum += share;
    ++varying;
  }
  return varying ? sum / static_cast<double>(varying) : kNothing;
}

}  // namespace dormouse::learning
