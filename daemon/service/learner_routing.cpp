#include <algorithm>
#include <array>
#include <cmath>

#include "daemon/service/inference.h"
#include "daemon/service/learner.h"
#include "hrm/prediction_set.h"
#include "hrm/signals.h"

/// What routing learns from examples that are held out.
namespace dormouse::daemon {
namespace {

constexpr std::size_t kMost = 256;  // examples looked at: a teacher waits for it
constexpr std::size_t kNeighbours = 16;

/// Of the examples whose class has a column.
hrm::EnergyScale energies(const engine::Tensor& logits, std::span<const learning::ClassIndex> classes,
                          std::size_t columns) {
  double sum = 0, squares = 0, count = 0;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (classes[i] >= columns) continue;
    const double energy = double{hrm::energy(logits.rows(static_cast<std::int64_t>(i), 1).values<float>())};
    ++count, sum += energy, squares += energy * energy;
  }
  if (count < 2) return {};
  const double mean = sum / count;
  return {static_cast<float>(mean),
          static_cast<float>(std::sqrt(std::max(0.0, squares / count - mean * mean)))};
}

}  // namespace

void Learner::view_held_out() {
  const learning::LabelledLatents examples = held_out();
  // Nothing that an eighth more of them would change; of what was forgotten nothing stays.
  if (viewed_ > 0 && examples.size() >= viewed_ && examples.size() < viewed_ + viewed_ / 8 + 1) return;
  viewed_ = examples.size();
  served_.held_out.reset();
  if (examples.size() == 0) return;
  const std::size_t step = (examples.size() + kMost - 1) / kMost;
  auto view = std::make_shared<HeldOutView>();
  hrm::BlendFit fit;
  const engine::Tensor logits = slow_->run(std::array{examples.latents})[0];
  for (std::size_t i = 0; i < examples.size(); i += step) {
    const auto row = static_cast<std::int64_t>(i);
    const engine::Answer answer =
        engine::arbitrate(*served_.model, logits.rows(row, 1).values<float>(), examples.row(i));
    const std::size_t truth = examples.classes[i];
    const Recalled recalled = recall(served_, examples.row(i), kNeighbours, {.without_held_out = true});
    fit.add(answer.probabilities, {recalled.neighbours, recalled.concepts}, truth);
    view->set_scores.push_back(hrm::set_score(answer.probabilities, truth));
  }
  view->blend = fit.best();
  view->energy = energies(logits, examples.classes, served_.model->slow_classes);
  std::ranges::sort(view->set_scores);
  served_.held_out = std::move(view);
}

}  // namespace dormouse::daemon
