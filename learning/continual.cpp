#include "learning/continual.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "learning/calibration.h"
#include "learning/fisher.h"
#include "learning/linear_layer.h"
#include "learning/rehearsal.h"

namespace dormouse::learning {
namespace {

constexpr std::size_t kAnswerRows = 256;  // of a large batch at a time

std::size_t bytes_of(const Parameters& parameters) {
  std::size_t bytes = 0;
  for (const auto& [name, tensor] : parameters) bytes += tensor.byte_size();
  return bytes;
}

/// The part with its parameters as inputs: answers without a new plan whenever they move.
engine::Graph open(engine::Graph part) {
  for (const engine::ValueId id : parameters_of(part)) part.constant_to_input(id);
  return part;
}

std::unique_ptr<FastHead> analytic_head(const ContinualOptions& options, std::size_t width,
                                        std::size_t classes) {
  Statistics nothing(classes, ClassStatistics(width));
  if (options.strategy == Strategy::slda) return std::make_unique<SldaHead>(width, nothing, options.slda);
  return std::make_unique<RidgeHead>(width, nothing, options.ridge);
}

}  // namespace

ContinualLearner::ContinualLearner(engine::Graph part, ContinualOptions options)
    : options_(std::move(options)),
      recipe_(recipe(options_.strategy)),
      first_(std::move(part)),
      classes_(static_cast<std::size_t>(first_.value(first_.outputs().at(0)).shape.back())),
      random_(options_.seed) {
  const auto width = static_cast<std::size_t>(first_.value(first_.inputs().at(0)).shape.back());
  if (recipe_.rehearses) {
    if (!options_.memory)
      throw Failure(Errc::invalid, std::string(recipe_.word) + " rehearses, so it needs a memory");
    if (recipe_.logits) options_.memory->logits = classes_;
    memory_.emplace(width, *options_.memory);
  }
  if (recipe_.analytic) {
    analytic_ = analytic_head(options_, width, classes_);
    return;
  }
  answers_ = std::make_unique<engine::Session>(open(first_), options_.drivers);
  make_trainer(first_);
}

ContinualLearner::~ContinualLearner() = default;
ContinualLearner::ContinualLearner(ContinualLearner&&) noexcept = default;

void ContinualLearner::make_trainer(const engine::Graph& from) {
  StrategyTrainer::Setup setup{options_.strategy, options_.knobs, hold(), before_, {}, options_.drivers};
  if (trainer_) setup.met = trainer_->met();
  trainer_ = std::make_unique<StrategyTrainer>(from, std::move(setup));
}

float ContinualLearner::lambda() const {
  if (importance_.empty()) return 0;
  if (options_.knobs.lambda) return *options_.knobs.lambda;
  if (recipe_.hold == Hold::path) return 1;
  const auto met = static_cast<double>(std::ranges::count(trainer_->met(), true));
  return ewc_lambda_for(memory_ && met > 0 ? static_cast<double>(memory_->size()) / met : 0);
}

std::optional<Ewc> ContinualLearner::hold() const {
  if (recipe_.hold == Hold::none || !(lambda() > 0)) return std::nullopt;
  return Ewc{anchor_, importance_, lambda()};
}

Replay ContinualLearner::draw() {
  Replay replay;
  if (!memory_ || memory_->size() == 0) return replay;
  const auto rows = [this] {
    return options_.balanced_draws ? memory_->draw_balanced(options_.replay_batch)
                                   : memory_->draw(options_.replay_batch);
  };
  replay.labelled = memory_->gather(rows());
  if (!recipe_.logits) return replay;
  const auto dark = rows();
  replay.dark = memory_->gather(dark);
  replay.dark_logits = memory_->logits(dark);
  return replay;
}

float ContinualLearner::learn(const LabelledLatents& batch) {
  if (batch.size() == 0) return 0;
  if (analytic_) {
    for (std::size_t i = 0; i < batch.size(); ++i) analytic_->observe(batch.row(i), batch.classes[i]);
    return 0;
  }
  if (recipe_.starts_over) {
    memory_->offer(batch);
    return 0;
  }
  const float loss = trainer_->step(batch, draw(), options_.rate);
  if (memory_) remember(batch, trainer_->fresh_logits());
  return loss;
}

void ContinualLearner::remember(const LabelledLatents& batch, const Tensor& logits) {
  for (std::size_t i = 0; i < batch.size(); ++i)
    memory_->offer(batch.row(i), batch.classes[i], logits.values<float>().subspan(i * classes_, classes_));
}

void ContinualLearner::end_task(const LabelledLatents& recent) {
  if (recipe_.starts_over) return start_over();
  if (analytic_ || (recipe_.hold == Hold::none && !recipe_.distils)) return;
  update_importance(recent);
  anchor_ = recipe_.hold == Hold::none ? Parameters{} : trainer_->parameters();
  const engine::Graph now = trainer_->graph();
  if (recipe_.distils) before_ = now;
  make_trainer(now);
}

void ContinualLearner::update_importance(const LabelledLatents& recent) {
  if (recipe_.hold == Hold::path) {
    const Parameters from = anchor_.empty() ? parameters_by_name(first_) : anchor_;
    importance_ =
        path_importance(importance_, trainer_->path(), from, trainer_->parameters(), options_.knobs.damping);
  }
  if (recipe_.hold != Hold::fisher) return;
  const LabelledLatents from = recent.size() == 0 && memory_ ? memory_->all() : recent;
  if (from.size() == 0) return;
  FisherEstimator fisher(trainer_->graph());
  std::vector<std::size_t> order(from.size());
  std::iota(order.begin(), order.end(), 0);
  random_.shuffle(order);
  order.resize(std::min(order.size(), options_.fisher_samples));
  for (const std::size_t row : order) fisher.add(from.row(row), FisherLabels::sampled, random_);
  importance_ = accumulate_fisher(importance_, fisher.mean(), options_.knobs.decay);
}

void ContinualLearner::start_over() {
  if (memory_->size() == 0) return;
  trainer_.reset();
  make_trainer(first_);
  std::vector<std::size_t> order(memory_->size());
  std::iota(order.begin(), order.end(), 0);
  std::size_t at = order.size();
  for (std::size_t step = 0; step < options_.retrain_steps; ++step) {
    std::vector<std::size_t> rows;
    while (rows.size() < std::min(options_.retrain_batch, order.size())) {
      if (at == order.size()) random_.shuffle(order), at = 0;
      rows.push_back(order[at++]);
    }
    const double cosine =
        0.5 * (1 + std::cos(std::numbers::pi * double(step) / double(options_.retrain_steps)));
    const double span = double{options_.retrain_rate} - double{options_.retrain_last_rate};
    trainer_->step(memory_->gather(rows), {},
                   static_cast<float>(double{options_.retrain_last_rate} + span * cosine));
  }
}

float ContinualLearner::rehearse(std::size_t steps, std::size_t batch, float rate) {
  if (!memory_ || !trainer_ || memory_->size() == 0 || steps == 0) return 0;
  double loss = 0;
  for (std::size_t step = 0; step < steps; ++step) {
    Replay replay;
    replay.labelled = memory_->gather(memory_->draw_balanced(batch));
    loss += double{trainer_->step({}, replay, rate)};
  }
  return static_cast<float>(loss / static_cast<double>(steps));
}

Tensor ContinualLearner::logits(const Tensor& inputs) const {
  if (analytic_) return logits_of(analytic_->head(), inputs);
  std::vector<Tensor> given{inputs};
  const Parameters parameters = trainer_->parameters();
  for (const engine::ValueId id : parameters_of(first_))
    given.push_back(parameters.at(first_.value(id).name));
  const std::int64_t count = inputs.shape()[0];
  Tensor out(engine::DType::f32, Shape{count, std::int64_t(classes_)});
  auto to = out.mutable_values<float>().begin();
  for (std::int64_t row = 0; row < count; row += std::int64_t(kAnswerRows)) {
    given[0] = inputs.rows(row, std::min(count - row, std::int64_t(kAnswerRows)));
    const Tensor answers = answers_->run(given).at(0);
    to = std::ranges::copy(answers.values<float>(), to).out;
  }
  return out;
}

engine::Graph ContinualLearner::graph() const { return trainer_ ? trainer_->graph() : first_; }

std::size_t ContinualLearner::bytes() const {
  std::size_t bytes = memory_ ? memory_->bytes() : 0;
  bytes += bytes_of(anchor_) + bytes_of(importance_);
  if (trainer_) bytes += bytes_of(trainer_->path());
  if (before_) bytes += bytes_of(parameters_by_name(*before_));
  if (analytic_) bytes += analytic_->bytes();
  return bytes;
}

}  // namespace dormouse::learning
