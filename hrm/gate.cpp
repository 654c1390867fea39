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

void Gate::save(NumberWriter& text) const {
  text.add(lessons_);
  for (const auto* numbers : {&mean_, &squares_})
    for (const double number : *numbers) text.add(number);
  for (const auto* numbers : {&weights_, &steepness_})
    for (const double number : *numbers) text.add(number);
}

Gate Gate::restore(NumberReader& text) {
  Gate gate;
  gate.lessons_ = text.number();
  for (auto* numbers : {&gate.mean_, &gate.squares_})
    for (double& number : *numbers) number = text.number();
  for (auto* numbers : {&gate.weights_, &gate.steepness_})
    for (double& number : *numbers) number = text.number();
  const auto negative = [](double number) { return number < 0; };
  if (gate.lessons_ < 0 || std::ranges::any_of(gate.squares_, negative) ||
      std::ranges::any_of(gate.steepness_, negative))
    throw Failure(Errc::corrupt, "no gate has such numbers");
  return gate;
}

}  // namespace dormouse::hrm
