#include "hrm/blend.h"

#include <algorithm>
#include <cmath>

#include "config/error.h"

namespace dormouse::hrm {
namespace {

constexpr std::size_t kFewest = 20;
constexpr double kSurest = 1e-3;  // one wrong certainty shall not decide

float mixing_at(std::size_t index) { return static_cast<float>(index) / (BlendFit::kMixings - 1); }

}  // namespace

void BlendFit::add(std::span<const float> low, const Recollection& memory, std::size_t truth) {
  ensure(truth < low.size(), "the truth is one of the labels");
  if (classes_.size() <= truth) classes_.resize(truth + 1);
  Class& of_class = classes_[truth];
  const double weight = 1 - double{std::ranges::max(low)};
  for (std::size_t t = 0; t < kTemperatures.size(); ++t) {
    const std::vector<float> recalled = recalled_probabilities(memory, low.size(), kTemperatures[t]);
    if (recalled.empty()) return;
    for (std::size_t m = 0; m < kMixings; ++m) {
      const double said = double{mixing_at(m) * low[truth] + (1 - mixing_at(m)) * recalled[truth]};
      of_class.loss[t * kMixings + m] -= weight * std::log(std::max(said, kSurest));
    }
  }
  ++of_class.count;
}

Blend BlendFit::best() const {
  std::array<double, kMixings * kTemperatures.size()> loss{};
  std::size_t examples = 0;
  for (const Class& one : classes_) {
    examples += one.count;
    for (std::size_t i = 0; i < loss.size() && one.count > 0; ++i)
      loss[i] += one.loss[i] / static_cast<double>(one.count);
  }
  if (examples < kFewest) return {};
  const auto least = static_cast<std::size_t>(std::ranges::min_element(loss) - loss.begin());
  return {mixing_at(least % kMixings), kTemperatures[least / kMixings]};
}

}  // namespace dormouse::hrm
