#include "learning/strategy_trainer.h"

#include <algorithm>

#include "learning/calibration.h"

namespace dormouse::learning {
namespace {

using engine::DType;

std::size_t classes_of(const engine::Graph& part) {
  return static_cast<std::size_t>(part.value(part.outputs().at(0)).shape.back());
}

Trainer::Options trainer_options(const StrategyTrainer::Setup& setup) {
  const Recipe& how = recipe(setup.strategy);
  ensure(!how.analytic, "a strategy with gradients");
  return {.momentum = setup.knobs.momentum,
          .drivers = setup.drivers,
          .masked = how.masks,
          .logits = how.logits,
          .distillation = how.distils && setup.before ? setup.knobs.temperature : 0,
          .gradient = setup.gradient,
          .path = how.hold == Hold::path};
}

/// `from`'s rows at the top left of a tensor [rows, width], from row `first` on.
void copy_rows(const Tensor& from, Tensor& to, std::size_t first) {
  const auto values = from.values<float>();
  const auto out = to.mutable_values<float>();
  const auto width = static_cast<std::size_t>(to.shape()[1]),
             given = static_cast<std::size_t>(from.shape()[1]);
  const auto rows = static_cast<std::size_t>(from.shape()[0]);
  for (std::size_t i = 0; i < rows; ++i)
    std::ranges::copy(values.subspan(i * given, std::min(given, width)),
                      out.begin() + std::ptrdiff_t((first + i) * width));
}

}  // namespace

StrategyTrainer::StrategyTrainer(const engine::Graph& part, Setup setup)
    : recipe_(recipe(setup.strategy)),
      knobs_(setup.knobs),
      classes_(classes_of(part)),
      met_(setup.met),
      trainer_(part, setup.hold ? &*setup.hold : nullptr, trainer_options(setup)) {
  met_.resize(classes_);
  met_before_ = met_;
  if (recipe_.distils && setup.before) before_.emplace(*std::move(setup.before), setup.drivers);
}

void StrategyTrainer::restore(const Trainer::Progress& progress, std::vector<bool> met) {
  if (met.size() != classes_) throw Failure(Errc::corrupt, "a trainer's state of other classes");
  trainer_.restore(progress);
  met_ = std::move(met);
}

float StrategyTrainer::step(const LabelledLatents& fresh, const Replay& replay, float rate,
                            Parameters gradient) {
  for (const auto* rows : {&fresh, &replay.labelled})
    for (const ClassIndex c : rows->classes) met_.at(c) = true;
  const LabelledLatents all = concatenate(concatenate(fresh, replay.labelled), replay.dark);
  fresh_ = std::int64_t(fresh.size());
  StepRows rows;
  rows.latents = all.latents;
  rows.targets = one_hot(all.classes, classes_);
  if (replay.labelled.size() > 0 && replay.targets.shape()[0] == std::int64_t(replay.labelled.size()))
    copy_rows(replay.targets, rows.targets, fresh.size());
  weigh(rows, fresh.size(), replay);
  if (recipe_.masks) rows.mask = mask(fresh.classes, std::int64_t(all.size()));
  if (recipe_.logits) hold_logits(rows, replay);
  if (before_) distil(rows, fresh);
  rows.gradient = std::move(gradient);
  return trainer_.step(rows, rate);
}

void StrategyTrainer::weigh(StepRows& rows, std::size_t fresh, const Replay& replay) const {
  const std::size_t replayed = replay.labelled.size();
  const bool apart = recipe_.masks || recipe_.logits;
  const auto share = [](std::size_t count) {
    return 1 / static_cast<float>(std::max<std::size_t>(count, 1));
  };
  const float together = share(fresh + replayed);
  const float old = recipe_.logits && fresh > 0 ? knobs_.beta : 1;
  rows.weights.assign(fresh, apart ? share(fresh) : together);
  rows.weights.insert(rows.weights.end(), replayed, apart ? old * share(replayed) : together);
  rows.weights.insert(rows.weights.end(), replay.dark.size(), 0.0f);
}

/// Fresh rows do not push down classes that were met before and are not among them.
Tensor StrategyTrainer::mask(std::span<const ClassIndex> fresh, std::int64_t rows) const {
  std::vector<float> row(classes_);
  for (std::size_t c = 0; c < classes_; ++c)
    if (met_[c] && std::ranges::find(fresh, static_cast<ClassIndex>(c)) == fresh.end()) row[c] = kMasked;
  Tensor mask(DType::f32, Shape{rows, std::int64_t(classes_)});
  const auto out = mask.mutable_values<float>();
  for (std::size_t i = 0; i < fresh.size(); ++i)
    std::ranges::copy(row, out.begin() + std::ptrdiff_t(i * classes_));
  return mask;
}

void StrategyTrainer::hold_logits(StepRows& rows, const Replay& replay) const {
  rows.logit_targets = Tensor(DType::f32, rows.targets.shape());
  rows.logit_weights = Tensor(DType::f32, rows.targets.shape());
  if (replay.dark.size() == 0) return;
  const std::size_t first = rows.weights.size() - replay.dark.size();
  copy_rows(replay.dark_logits, rows.logit_targets, first);
  Tensor weights(DType::f32, replay.dark_logits.shape());
  std::ranges::fill(weights.mutable_values<float>(),
                    knobs_.alpha / static_cast<float>(replay.dark.size() * classes_));
  copy_rows(weights, rows.logit_weights, first);
}

void StrategyTrainer::distil(StepRows& rows, const LabelledLatents& fresh) const {
  const std::int64_t count = rows.targets.shape()[0], width = std::int64_t(classes_);
  rows.soft_weights.assign(static_cast<std::size_t>(count), 0.0f);
  rows.soft_targets = Tensor(DType::f32, Shape{count, width});
  rows.soft_mask = Tensor(DType::f32, Shape{count, width});
  const auto mask = rows.soft_mask.mutable_values<float>();
  for (std::size_t i = 0; i < mask.size(); ++i)
    if (!met_before_[i % classes_]) mask[i] = kMasked;
  if (fresh.size() == 0) return;
  Tensor said(DType::f32, Shape{std::int64_t(fresh.size()), width});
  std::ranges::fill(said.mutable_values<float>(), kMasked);
  copy_rows(before_->run(std::span(&fresh.latents, 1)).at(0), said, 0);
  const auto logits = said.mutable_values<float>();
  for (std::size_t i = 0; i < logits.size(); ++i)
    if (!met_before_[i % classes_]) logits[i] = kMasked;
  copy_rows(probabilities(said, knobs_.temperature), rows.soft_targets, 0);
  std::fill_n(rows.soft_weights.begin(), fresh.size(),
              knobs_.distillation / static_cast<float>(fresh.size()));
}

}  // namespace dormouse::learning
