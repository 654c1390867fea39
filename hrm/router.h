#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dormouse::hrm {

enum class Route : std::uint8_t { low, hybrid, high, abstain };
std::string_view word(Route route);

/// How hard an input is for the cheap model.
enum class Complexity : std::uint8_t { low, medium, high };
std::string_view word(Complexity complexity);
/// By the score that decides whether the cheap answer stands: low from its threshold on, medium from half of
/// it on, else high.
Complexity complexity_of(float score, float threshold);

/// An episode near the input in latent space.
struct Neighbour {
  std::uint32_t label = 0;  ///< taught label, or the class it was answered with
  float distance = 0;
};

/// A concept as seen from the input.
struct PrototypeDistance {
  std::uint32_t label = 0;
  float distance = 0;  ///< to its mean
  float spread = 0;    ///< typical distance of its members to the mean
};

struct RouterOptions {
  float accept = 0.9f;       ///< confidence that needs no second opinion
  float mixing = 0.5f;       ///< λ: share of the executor in a hybrid answer
  float temperature = 0.2f;  ///< of memory's similarities, in units of the scale of distances
};

/// What memory makes of the input. Either list may be empty.
struct Recollection {
  std::span<const Neighbour> neighbours;
  std::span<const PrototypeDistance> concepts;
};

/// Which way an answer went, and why: what `dormouse why` shows.
struct Explanation {
  Route route = Route::low;
  float accept = 0;  ///< threshold in force
  float low_confidence = 0;
  std::uint32_t low_predicted = 0;
  std::vector<float> memory;   ///< probabilities of memory alone; empty when it was not asked
  std::vector<float> hybrid;   ///< empty when not formed
  std::vector<float> planner;  ///< as combined over all labels; empty when it was not asked
  float mixing = 0;            ///< λ that was used …
  float temperature = 0;       ///< … and memory's temperature
  std::size_t neighbours = 0;
  std::size_t concepts = 0;
  std::string sentence;  ///< for people
};

struct Decision {
  Route route = Route::low;
  std::vector<float> probabilities;
  std::uint32_t predicted = 0;
  float confidence = 0;
  Explanation why;
};

/// Chooses how far an input is thought about. Immutable: any number of threads may ask.
///
///   - low: confidence(low) ≥ accept: the executor's answer stands.
///   - hybrid: p = λ·p_low + (1 − λ)·p_memory; stands when its confidence ≥ accept, or when there is no
///     planner.
///   - high: the planner's answer, on the classes it knows; others keep their hybrid mass.
///   - abstain: where the user allows it, what nothing of this made sure of: see hrm/prediction_set.h.
///
/// p_memory is a softmax over classes of their class-balanced similarity: for each class with a neighbour or
/// a concept, −d/(scale·temperature), where d is the mean distance of its (up to three) nearest neighbours
/// and of its nearest concept, so that a class of ten episodes weighs as much as one of thousands. `scale` is
/// the mean of those distances.
class Router {
 public:
  explicit Router(RouterOptions options) : options_(options) {}

  /// The next step for this executor answer: decided already (low), or memory should be asked.
  bool accepts(std::span<const float> low) const;

  /// The executor's answer alone; `low` are calibrated probabilities over all labels.
  Decision low(std::span<const float> low) const;
  /// Executor and memory; route low when the executor suffices, or memory is empty. `wants_planner(decision)`
  /// tells whether the planner should be asked next.
  Decision hybrid(std::span<const float> low, const Recollection& memory) const;
  bool wants_planner(const Decision& decision) const { return decision.confidence < options_.accept; }
  /// Combines a decision with the planner's probabilities; `planner_labels[i]` is the label of its class i.
  Decision high(const Decision& before, std::span<const float> planner,
                std::span<const std::uint32_t> planner_labels) const;

  const RouterOptions& options() const { return options_; }

 private:
  RouterOptions options_;
};

/// What memory alone says: p_memory, see Router; empty where it has nothing to say.
std::vector<float> recalled_probabilities(const Recollection& memory, std::size_t classes, float temperature);

/// A network's energies on examples that it was not trained on, of classes that it knows.
struct EnergyScale {
  float mean = 0;
  float deviation = 0;  ///< 0: unknown
};

/// How unlike anything known an input is, in [0, 1]: 0 at or below the typical within-class nearest-neighbour
/// distance s, 1 − s/d beyond it (0.5 at twice that distance). Nothing remembered: 1.
float novelty(std::span<const Neighbour> neighbours, float typical_distance);

/// The same with what the network makes of it: x / (x + 1), where x = d/s − 1 + z/4, and z is how many
/// deviations the energy is above its mean, from 0 to 4. Where the energy is as usual that is novelty()
/// above; memory sees what is far from all it holds, the network what it cannot place, they miss different
/// things, and neither vouches for what the other finds new. `energy`: nothing where the network's word does
/// not count, as the nearest episode is of a class that it has never seen.
float novelty(std::span<const Neighbour> neighbours, float typical_distance, std::optional<float> energy,
              const EnergyScale& scale);

}  // namespace dormouse::hrm
