#include "hrm/gate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "config/error.h"

namespace dormouse::hrm {
namespace {

constexpr double kRate = 0.3;      // of AdaGrad; in standard deviations of a signal
constexpr double kFarthest = 4;    // standard deviations: one odd request shall not turn the gate
constexpr double kSettled = 1e-8;  // of the sum of squared gradients, against division by 0

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

Gate::Inputs Gate::inputs(const Signals& signals) const {
  Inputs in{};
  for (std::size_t i = 0; i < signals.size(); ++i) {
    const double deviation = lessons_ > 1 ? std::sqrt(squares_[i] / (lessons_ - 1)) : 0;
    if (deviation > 0) in[i] = std::clamp((double{signals[i]} - mean_[i]) / deviation, -kFarthest, kFarthest);
  }
  in.back() = 1;
  return in;
}

float Gate::score(const Signals& signals) const {
  const Inputs in = inputs(signals);
  return static_cast<float>(logistic(std::inner_product(in.begin(), in.end(), weights_.begin(), 0.0)));
}

void Gate::learn(const Signals& signals, bool right) {
  ensure(std::ranges::all_of(signals, [](float x) { return std::isfinite(x); }), "signals are numbers");
  ++lessons_;
  for (std::size_t i = 0; i < signals.size(); ++i) {
    const double value = double{signals[i]}, before = value - mean_[i];
    mean_[i] += before / lessons_;
    squares_[i] += before * (value - mean_[i]);
  }
  const Inputs in = inputs(signals);
  const double said = logistic(std::inner_product(in.begin(), in.end(), weights_.begin(), 0.0));
  for (std::size_t i = 0; i < in.size(); ++i) {
    const double gradient = (said - (right ? 1 : 0)) * in[i];
    steepness_[i] += gradient * gradient;
    weights_[i] -= kRate * gradient / std::sqrt(steepness_[i] + kSettled);
  }
}

}  // namespace dormouse::hrm
