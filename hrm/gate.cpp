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

constexpr double kPrior = 10;                 // answers, of a class's historic error
constexpr std::size_t kMostClasses = 65'536;  // beyond it they count as one

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

/// Of a trace it may be any number.
std::size_t class_of(const Signals& signals) {
  const float number = signals[kAnswer];
  return number >= 0 ? static_cast<std::size_t>(std::min(number, static_cast<float>(kMostClasses - 1))) : 0;
}

}  // namespace

double Gate::share(const Signals& signals, const Count& but) const {
  const double all = total_.all - but.all, wrong = total_.wrong - but.wrong;
  const double overall = (wrong + 1) / (all + 2);
  const std::size_t number = class_of(signals);
  const Count here = number < by_class_.size() ? by_class_[number] : but;
  return (here.wrong - but.wrong + kPrior * overall) / (here.all - but.all + kPrior);
}

double Gate::history(const Signals& signals, const Count& but) const {
  const double wrong = share(signals, but);
  return std::log(wrong / (1 - wrong));
}

Gate::Inputs Gate::inputs(const Signals& signals, const Count& but) const {
  Inputs in{};
  for (std::size_t i = 0; i < signals.size(); ++i) {
    const double deviation = lessons_ > 1 ? std::sqrt(squares_[i] / (lessons_ - 1)) : 0;
    const double value = i == kAnswer ? history(signals, but) : double{signals[i]};
    if (deviation > 0) in[i] = std::clamp((value - mean_[i]) / deviation, -kFarthest, kFarthest);
  }
  in.back() = 1;
  return in;
}

float Gate::score(const Signals& signals) const {
  const Inputs in = inputs(signals, {});
  return static_cast<float>(logistic(std::inner_product(in.begin(), in.end(), weights_.begin(), 0.0)));
}

void Gate::step(const Signals& signals, bool right, const Count& but) {
  ensure(std::ranges::all_of(signals, [](float x) { return std::isfinite(x); }), "signals are numbers");
  ++lessons_;
  for (std::size_t i = 0; i < signals.size(); ++i) {
    const double value = i == kAnswer ? history(signals, but) : double{signals[i]}, before = value - mean_[i];
    mean_[i] += before / lessons_;
    squares_[i] += before * (value - mean_[i]);
  }
  const Inputs in = inputs(signals, but);
  const double said = logistic(std::inner_product(in.begin(), in.end(), weights_.begin(), 0.0));
  for (std::size_t i = 0; i < in.size(); ++i) {
    const double gradient = (said - (right ? 1 : 0)) * in[i];
    steepness_[i] += gradient * gradient;
    weights_[i] -= kRate * gradient / std::sqrt(steepness_[i] + kSettled);
  }
}

void Gate::learn(const Signals& signals, bool right) {
  step(signals, right, {});
  const std::size_t number = class_of(signals);
  if (number >= by_class_.size()) by_class_.resize(number + 1);
  for (Count* const count : {&total_, &by_class_[number]}) ++count->all, count->wrong += right ? 0 : 1;
}

void Gate::forget_history() {
  total_ = {};
  by_class_.clear();
}

void Gate::rehearse(const Signals& signals, bool right) { step(signals, right, {1, right ? 0.0 : 1.0}); }

void Gate::save(NumberWriter& text) const {
  text.add(lessons_);
  for (const auto* numbers : {&mean_, &squares_})
    for (const double number : *numbers) text.add(number);
  for (const auto* numbers : {&weights_, &steepness_})
    for (const double number : *numbers) text.add(number);
  text.add(static_cast<double>(by_class_.size()));
  for (const Count& count : by_class_) text.add(count.all), text.add(count.wrong);
}

Gate Gate::restore(NumberReader& text) {
  Gate gate;
  gate.lessons_ = text.number();
  for (auto* numbers : {&gate.mean_, &gate.squares_})
    for (double& number : *numbers) number = text.number();
  for (auto* numbers : {&gate.weights_, &gate.steepness_})
    for (double& number : *numbers) number = text.number();
  gate.by_class_.resize(text.count(kMostClasses));
  for (Count& count : gate.by_class_) {
    count.all = text.number(), count.wrong = text.number();
    gate.total_.all += count.all, gate.total_.wrong += count.wrong;
    if (count.wrong < 0 || count.wrong > count.all)
      throw Failure(Errc::corrupt, "more answers were wrong than were given");
  }
  const auto negative = [](double number) { return number < 0; };
  if (gate.lessons_ < 0 || std::ranges::any_of(gate.squares_, negative) ||
      std::ranges::any_of(gate.steepness_, negative))
    throw Failure(Errc::corrupt, "no gate has such numbers");
  return gate;
}

}  // namespace dormouse::hrm
