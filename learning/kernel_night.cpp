#include "learning/kernel_night.h"

#include <algorithm>

#include "learning/calibration.h"
#include "learning/digest.h"
#include "learning/sleep.h"

namespace dormouse::learning {
namespace {

/// As in the configuration that the ladder measures (CommitteeOptions).
constexpr double kPrior = 150;

/// Rows of replay and taught one after the other: seed and newest episodes in turn.
std::vector<std::size_t> interleaved(std::size_t replay, std::size_t taught) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < std::max(replay, taught); ++i) {
    if (i < taught) order.push_back(replay + taught - 1 - i);
    if (i < replay) order.push_back(i);
  }
  return order;
}

KernelExamples chosen(const SleepInputs& in, std::size_t count) {
  ensure(in.episodes.size() == in.taught.size(), "the episodes of what was taught");
  const LabelledLatents all = concatenate(in.replay, in.taught);
  const auto order = interleaved(in.replay.size(), in.taught.size());
  std::vector<ClassIndex> labels;
  for (const std::size_t row : order) labels.push_back(all.classes[row]);
  std::vector<std::size_t> rows;
  for (const std::size_t at : in_turn(labels, count)) rows.push_back(order[at]);
  std::ranges::sort(rows);
  const LabelledLatents picked = gather(all, rows);
  KernelExamples examples{quantise(picked.latents), picked.classes, {}};
  for (const std::size_t row : rows)
    examples.episodes.push_back(row < in.replay.size() ? 0 : in.episodes[row - in.replay.size()]);
  return examples;
}

/// By a hash of each latent's codes.
std::vector<std::size_t> folds_of(const Tensor& latents) {
  const QuantisedLatents coded = quantise(latents);
  const auto width = static_cast<std::size_t>(coded.codes.shape()[1]);
  std::vector<std::size_t> folds;
  for (auto left = coded.codes.values<std::int8_t>(); !left.empty(); left = left.subspan(width)) {
    const std::uint64_t hash = fnv1a(std::as_bytes(left.first(width)));
    folds.push_back(static_cast<std::size_t>((hash >> 32) % KernelNight::kFolds));
  }
  return folds;
}

Tensor rows_of(const Tensor& from, std::span<const std::size_t> rows) {
  return gather({from, std::vector<ClassIndex>(static_cast<std::size_t>(from.shape()[0]))}, rows).latents;
}

}  // namespace

KernelNight::KernelNight(const SleepInputs& in, std::size_t examples) : examples_(chosen(in, examples)) {
  fit_.emplace(LabelledLatents{dequantise(examples_.latents), examples_.classes}, in.labels.size());
}

bool KernelNight::fit_more() {
  if (!fit_) return false;
  if (fit_->advance()) return true;
  head_ = fit_->head();
  fit_.reset();
  return false;
}

bool KernelNight::seat_more(const Tensor& logits, const LabelledLatents& held_out) {
  if (scores_.empty()) {
    scores_ = {logits, head_->scores(held_out.latents)};
    folds_ = folds_of(held_out.latents);
    return true;
  }
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < folds_.size(); ++i)
    if (folds_[i] != seats_.size()) rows.push_back(i);
  seats_.push_back(seat_on(rows, held_out));
  return seats_.size() <= kFolds;
}

Committee KernelNight::seat_on(std::span<const std::size_t> rows, const LabelledLatents& held_out) const {
  std::vector<Tensor> scores;
  for (const Tensor& all : scores_) scores.push_back(rows_of(all, rows));
  std::vector<ClassIndex> truth;
  for (const std::size_t row : rows) truth.push_back(held_out.classes[row]);
  return seat_committee(scores, truth, {.prior = kPrior});
}

KernelReport KernelNight::report(const LabelledLatents& held_out) const {
  const std::vector<double>& weights = seats_.at(kFolds).weights;
  return {examples_.size(),
          static_cast<float>(weights[0]),
          static_cast<float>(weights[1]),
          share_right(predictions(scores_[0]), held_out.classes),
          share_right(predictions(scores_[1]), held_out.classes),
          share_right(predictions(judged(scores_[0], held_out.latents)), held_out.classes)};
}

std::optional<KernelSeat> KernelNight::seat() const {
  const Committee& all = seats_.at(kFolds);
  if (!(all.weights[1] > 0)) return std::nullopt;
  return KernelSeat{examples_, head_->weights(), head_->sharpness(), static_cast<float>(all.weights[0]),
                    static_cast<float>(all.weights[1])};
}

Tensor KernelNight::judged(const Tensor& logits, const Tensor& latents) const {
  Tensor pooled = head_->scores(latents);
  const auto folds = folds_of(latents);
  const std::size_t width = head_->classes();
  const auto network = logits.values<float>();
  const auto out = pooled.mutable_values<float>();
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto& weights = seats_.at(folds[i / width]).weights;
    out[i] = static_cast<float>(weights[0]) * network[i] + static_cast<float>(weights[1]) * out[i];
  }
  return pooled;
}

}  // namespace dormouse::learning
