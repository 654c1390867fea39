#include "hrm/signals.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "config/error.h"

namespace dormouse::hrm {
namespace {

constexpr double kMost = 1e6;  // beyond it a signal says no more

float finite(double value) {
  return std::isnan(value) ? 0.0f : static_cast<float>(std::clamp(value, -kMost, kMost));
}

/// The two greatest, 0 where there is only one.
std::pair<float, float> greatest(std::span<const float> values) {
  float first = values[0], second = 0;
  for (const float value : values.subspan(1)) {
    if (value > first) {
      second = first, first = value;
    } else {
      second = std::max(second, value);
    }
  }
  return {first, second};
}

double log_sum_exp(std::span<const float> logits) {
  if (logits.empty()) return 0;
  const double most = double{std::ranges::max(logits)};
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double{logit} - most);
  return most + std::log(sum);
}

/// Of the nearest concept of this class; 0 where it has none.
double concept_distance(std::span<const PrototypeDistance> concepts, std::size_t predicted) {
  double nearest = std::numeric_limits<double>::infinity();
  for (const PrototypeDistance& one : concepts)
    if (one.label == predicted) nearest = std::min(nearest, double{one.distance});
  return std::isinf(nearest) ? 0 : nearest;
}

}  // namespace

float energy(std::span<const float> logits) { return finite(-log_sum_exp(logits)); }

Signals signals_of(std::span<const float> probabilities, std::span<const float> logits,
                   const Recollection& memory, float typical_distance) {
  ensure(!probabilities.empty(), "a model has labels");
  const auto [first, second] = greatest(probabilities);
  const auto predicted =
      static_cast<std::size_t>(std::ranges::max_element(probabilities) - probabilities.begin());
  const double unit = typical_distance > 0 ? double{typical_distance} : 1;
  double agreeing = 0, distance = 0;
  for (const Neighbour& neighbour : memory.neighbours)
    agreeing += neighbour.label == predicted, distance += double{neighbour.distance};
  const double count = std::max(1.0, static_cast<double>(memory.neighbours.size()));
  return {finite(double{first}),
          finite(double{first - second}),
          energy(logits),
          finite(agreeing / count),
          finite(distance / count / unit),
          finite(concept_distance(memory.concepts, predicted) / unit),
          finite(double{novelty(memory.neighbours, typical_distance)}),
          static_cast<float>(predicted)};
}

}  // namespace dormouse::hrm
