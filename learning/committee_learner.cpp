#include "learning/committee_learner.h"

#include <algorithm>
#include <cmath>

#include "learning/calibration.h"
#include "learning/digest.h"
#include "learning/kernel_seat.h"

namespace dormouse::learning {
namespace {

constexpr std::size_t kLogitBytes = 2;  // f16

std::size_t width_of(const engine::Graph& part) {
  return static_cast<std::size_t>(part.value(part.inputs().at(0)).shape.back());
}

std::size_t classes_of(const engine::Graph& part) {
  return static_cast<std::size_t>(part.value(part.outputs().at(0)).shape.back());
}

/// What the discriminant will take of the budget; 0 when that is too much.
std::size_t statistics_bytes(const CommitteeOptions& options, const engine::Graph& part) {
  const std::size_t bytes = SldaHead::packed_bytes(width_of(part), classes_of(part));
  return double(bytes) <= options.statistics_share * double(options.budget_bytes) ? bytes : 0;
}

std::size_t held_out_bytes(const CommitteeOptions& options, std::size_t statistics) {
  return static_cast<std::size_t>(options.held_out * double(options.budget_bytes - statistics));
}

ExemplarOptions exemplars(const CommitteeOptions& options, std::size_t bytes, std::uint64_t stream) {
  ExemplarOptions kept;
  kept.budget_bytes = bytes;
  kept.packing = options.packing;
  kept.selection = Selection::balanced;
  kept.distinct = true;
  kept.seed = options.seed * 2 + stream;
  return kept;
}

}  // namespace

ContinualOptions CommitteeLearner::network_options(const CommitteeOptions& options, const engine::Graph& part,
                                                   std::size_t statistics) {
  ContinualOptions network = options.network;
  const std::size_t left = options.budget_bytes - statistics;
  network.memory = exemplars(options, left - held_out_bytes(options, statistics), 0);
  const std::size_t one = ExemplarMemory(width_of(part), *network.memory).item_bytes();
  const bool dark = double(kLogitBytes * classes_of(part)) <= options.logits_share * double(one);
  network.strategy = dark ? Strategy::ace_derpp : Strategy::ace;
  network.seed = options.seed;
  return network;
}

CommitteeLearner::CommitteeLearner(const engine::Graph& part, CommitteeOptions options)
    : options_(std::move(options)),
      classes_(classes_of(part)),
      statistics_bytes_(statistics_bytes(options_, part)),
      network_(part, network_options(options_, part, statistics_bytes_)),
      held_out_(width_of(part), exemplars(options_, held_out_bytes(options_, statistics_bytes_), 1)) {
  if (statistics_bytes_ > 0)
    discriminant_.emplace(width_of(part), Statistics(classes_, ClassStatistics(width_of(part))),
                          options_.discriminant);
}

bool CommitteeLearner::holds_out(std::span<const float> values) const {
  return Random(fnv1a(std::as_bytes(values)) ^ options_.seed).uniform() < options_.held_out;
}

void CommitteeLearner::learn(const LabelledLatents& batch) {
  std::vector<std::size_t> training;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (holds_out(batch.row(i))) {
      held_out_.offer(batch.row(i), batch.classes[i]);
    } else {
      training.push_back(i);
      if (discriminant_) discriminant_->observe(batch.row(i), batch.classes[i]);
    }
  }
  if (!training.empty()) network_.learn(gather(batch, training));
}

void CommitteeLearner::sleep() {
  if (network_.memory()->size() == 0) return;
  network_.end_task();
  network_.rehearse(options_.night_steps, options_.night_batch, options_.night_rate);
  const ExemplarMemory& memory = *network_.memory();
  kernel_ = fit_kernel(memory.gather(in_turn(memory.labels(), options_.kernel_examples)), classes_,
                       options_.kernel);
  if (discriminant_) discriminant_ = SldaHead::unpacked(discriminant_->packed(), options_.discriminant);
  const LabelledLatents unseen = examinable();
  Seating seating{{1, 1}, options_.prior};
  if (discriminant_) seating.shares.push_back(options_.presumption);
  committee_ = seat_committee(scores(unseen.latents), unseen.classes, seating);
}

/// Held-out examples of classes that the heads were taught.
LabelledLatents CommitteeLearner::examinable() const {
  const auto taught = network_.memory()->counts();
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < held_out_.size(); ++i)
    if (const ClassIndex c = held_out_.labels()[i]; c < taught.size() && taught[c] > 0) rows.push_back(i);
  return held_out_.gather(rows);
}

std::vector<Tensor> CommitteeLearner::scores(const Tensor& inputs) const {
  std::vector<Tensor> scores{network_.logits(inputs), kernel_->scores(inputs)};
  if (discriminant_) scores.push_back(logits_of(discriminant_->head(), inputs));
  return scores;
}

Tensor CommitteeLearner::logits(const Tensor& inputs) const {
  return kernel_ ? committee_.combine(scores(inputs)) : network_.logits(inputs);
}

std::size_t CommitteeLearner::bytes() const {
  return network_.bytes() + held_out_.bytes() + statistics_bytes_;
}

}  // namespace dormouse::learning
