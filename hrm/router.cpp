#include "hrm/router.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "config/error.h"

namespace dormouse::hrm {
namespace {

constexpr std::size_t kNearest = 3;  // neighbours a class that vote

std::uint32_t argmax(std::span<const float> values) {
  return static_cast<std::uint32_t>(std::ranges::max_element(values) - values.begin());
}

/// The nearest evidence for one class.
struct Evidence {
  std::array<float, kNearest> nearest{};
  std::size_t count = 0;
  std::optional<float> concept_distance;

  void add(float distance) {
    if (count < kNearest) {
      nearest[count++] = distance;
    } else if (float& worst = *std::ranges::max_element(nearest); distance < worst) {
      worst = distance;
    }
  }
  bool any() const { return count > 0 || concept_distance; }
  float distance() const {
    float sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += nearest[i];
    const float mean = count ? sum / static_cast<float>(count) : 0.0f;
    if (!concept_distance) return mean;
    return count ? (mean + *concept_distance) / 2 : *concept_distance;
  }
};

std::vector<Evidence> evidence_by_class(const Recollection& memory, std::size_t classes) {
  std::vector<Evidence> evidence(classes);
  for (const Neighbour& n : memory.neighbours)
    if (n.label < classes && std::isfinite(n.distance)) evidence[n.label].add(n.distance);
  for (const PrototypeDistance& p : memory.concepts) {
    if (p.label >= classes || !std::isfinite(p.distance)) continue;
    auto& best = evidence[p.label].concept_distance;
    best = best ? std::min(*best, p.distance) : p.distance;
  }
  return evidence;
}

std::string describe(const char* format, float confidence, float accept) {
  char text[160];
  std::snprintf(text, sizeof text, format, static_cast<double>(confidence), static_cast<double>(accept));
  return text;
}

void check_probabilities(std::span<const float> p) {
  if (p.empty() || !std::ranges::all_of(p, [](float x) { return x >= 0 && x <= 1.0001f; }))
    throw Failure(Errc::invalid, "router: probabilities between 0 and 1 are needed");
}

void conclude(Decision& decision, Route route) {
  decision.route = decision.why.route = route;
  decision.predicted = argmax(decision.probabilities);
  decision.confidence = decision.probabilities[decision.predicted];
}

}  // namespace

std::vector<float> recalled_probabilities(const Recollection& memory, std::size_t classes,
                                          float temperature) {
  const std::vector<Evidence> evidence = evidence_by_class(memory, classes);
  float sum = 0, nearest = std::numeric_limits<float>::infinity();
  int present = 0;
  for (const Evidence& e : evidence) {
    if (!e.any()) continue;
    sum += e.distance(), ++present;
    nearest = std::min(nearest, e.distance());
  }
  if (present == 0) return {};
  const float scale = sum > 0 ? sum / static_cast<float>(present) * temperature : 1;
  std::vector<float> p(classes);
  float total = 0;
  for (std::size_t c = 0; c < classes; ++c)
    if (evidence[c].any()) total += p[c] = std::exp((nearest - evidence[c].distance()) / scale);
  for (float& x : p) x /= total;
  return p;
}

std::string_view word(Complexity complexity) {
  using enum Complexity;
  return complexity == low ? "low" : complexity == medium ? "medium" : "high";
}

Complexity complexity_of(float score, float threshold) {
  if (score >= threshold) return Complexity::low;
  return 2 * score >= threshold ? Complexity::medium : Complexity::high;
}

std::string_view word(Route route) {
  switch (route) {
    case Route::low:
      return "low";
    case Route::hybrid:
      return "hybrid";
    case Route::high:
      return "high";
    case Route::abstain:
      return "abstain";
  }
  return "low";
}

bool Router::accepts(std::span<const float> low) const { return std::ranges::max(low) >= options_.accept; }

Decision Router::low(std::span<const float> low) const {
  check_probabilities(low);
  Decision decision;
  decision.probabilities.assign(low.begin(), low.end());
  conclude(decision, Route::low);
  decision.why.accept = options_.accept;
  decision.why.low_confidence = decision.confidence;
  decision.why.low_predicted = decision.predicted;
  decision.why.sentence =
      describe(decision.confidence >= options_.accept
                   ? "the model is sure: %.3f, and %.3f is enough"
                   : "the model is not sure: %.3f, below %.3f, and memory has nothing to add",
               decision.confidence, options_.accept);
  return decision;
}

Decision Router::hybrid(std::span<const float> low, const Recollection& memory) const {
  Decision decision = this->low(low);
  if (accepts(low)) return decision;
  std::vector<float> recalled = recalled_probabilities(memory, low.size(), options_.temperature);
  if (recalled.empty()) return decision;

  const float lambda = options_.mixing;
  for (std::size_t c = 0; c < low.size(); ++c)
    decision.probabilities[c] = lambda * low[c] + (1 - lambda) * recalled[c];
  conclude(decision, Route::hybrid);
  Explanation& why = decision.why;
  why.memory = std::move(recalled);
  why.hybrid = decision.probabilities;
  why.mixing = lambda;
  why.temperature = options_.temperature;
  why.neighbours = memory.neighbours.size();
  why.concepts = memory.concepts.size();
  why.sentence = describe("the model was not sure, so memory was mixed in: %.3f now, accepted from %.3f",
                          decision.confidence, options_.accept);
  return decision;
}

Decision Router::high(const Decision& before, std::span<const float> planner,
                      std::span<const std::uint32_t> planner_labels) const {
  check_probabilities(planner);
  if (planner.size() != planner_labels.size())
    throw Failure(Errc::invalid, "router: the planner's probabilities and labels differ in number");
  Decision decision = before;
  std::vector<float> answer(before.probabilities.size());
  float known = 0;  // what the planner may distribute
  for (const std::uint32_t label : planner_labels)
    if (label < answer.size()) known += before.probabilities[label];
  float said = 0;
  for (std::size_t i = 0; i < planner.size(); ++i) {
    if (planner_labels[i] >= answer.size()) continue;
    answer[planner_labels[i]] = planner[i];
    said += planner[i];
  }
  if (said <= 0) return decision;  // it knows none of our labels
  std::vector<bool> planned(answer.size());
  for (const std::uint32_t label : planner_labels)
    if (label < answer.size()) planned[label] = true;
  for (std::size_t c = 0; c < answer.size(); ++c)
    answer[c] = planned[c] ? answer[c] * known / said : before.probabilities[c];
  decision.why.planner = answer;
  decision.probabilities = std::move(answer);
  conclude(decision, Route::high);
  decision.why.sentence =
      describe("neither the model nor memory reached %.3f, so the planner was asked: its answer has %.3f",
               options_.accept, decision.confidence);
  return decision;
}

float novelty(std::span<const Neighbour> neighbours, float typical_distance) {
  return novelty(neighbours, typical_distance, std::nullopt, {});
}

float novelty(std::span<const Neighbour> neighbours, float typical_distance, std::optional<float> energy,
              const EnergyScale& scale) {
  if (neighbours.empty()) return 1;
  const float typical = std::max(typical_distance, 0.0f);
  const float nearest = std::ranges::min(neighbours, {}, &Neighbour::distance).distance;
  if (typical == 0) return nearest > 0 ? 1.0f : 0.0f;
  float beyond = nearest / typical - 1;
  if (energy && scale.deviation > 0)
    beyond += std::clamp((*energy - scale.mean) / scale.deviation, 0.0f, 4.0f) / 4;
  if (!(beyond > 0)) return 0;
  return std::isinf(beyond) ? 1.0f : beyond / (beyond + 1);
}

}  // namespace dormouse::hrm
