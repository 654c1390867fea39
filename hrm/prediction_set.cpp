#include "hrm/prediction_set.h"

#include <algorithm>
#include <cmath>

#include "config/error.h"

namespace dormouse::hrm {
namespace {

constexpr double kPenalty = 0.02;
constexpr std::size_t kFree = 2;  // classes without a penalty

}  // namespace

float set_score(std::span<const float> probabilities, std::size_t label) {
  ensure(label < probabilities.size(), "a label has a probability");
  double sum = 0;
  std::size_t rank = 0;
  for (const float p : probabilities) {
    if (p < probabilities[label]) continue;
    sum += double{p};
    ++rank;
  }
  return static_cast<float>(sum + kPenalty * static_cast<double>(rank - std::min(rank, kFree)));
}

std::optional<float> set_threshold(std::span<const float> scores, double miss) {
  const double wanted = std::ceil(static_cast<double>(scores.size() + 1) * (1 - miss));
  const auto rank = static_cast<std::size_t>(std::max(wanted, 1.0));
  if (rank > scores.size()) return std::nullopt;
  return scores[rank - 1];
}

std::vector<std::uint32_t> prediction_set(std::span<const float> probabilities, float threshold) {
  std::vector<std::uint32_t> set;
  std::vector<float> left(probabilities.begin(), probabilities.end());
  while (set.size() < left.size()) {
    const auto next = static_cast<std::size_t>(std::ranges::max_element(left) - left.begin());
    if (!set.empty() && set_score(probabilities, next) > threshold) break;
    set.push_back(static_cast<std::uint32_t>(next));
    left[next] = -1;
  }
  return set;
}

}  // namespace dormouse::hrm
