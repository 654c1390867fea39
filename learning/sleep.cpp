#include "learning/sleep.h"

#include <algorithm>
#include <cmath>

#include "learning/arbiter.h"
#include "learning/calibration.h"
#include "learning/sleep_night.h"

namespace dormouse::learning {
namespace {

constexpr std::size_t kFisherSamples = 256, kFisherPiece = 8, kLossPoints = 40;

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

double seconds_between(Clock::Steady from, Clock::Steady to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

SleepCycle::Night::Night(SleepInputs inputs, SleepOptions chosen, SleepHooks others,
                         std::span<const engine::Driver* const> on)
    : in(std::move(inputs)),
      options(chosen),
      hooks(std::move(others)),
      drivers(on),
      clock(chosen.clock ? chosen.clock : &system_clock()),
      random(chosen.seed) {
  SleepReport& report = result.report;
  report.id = in.id;
  report.model = in.model;
  report.strategy = word(options.strategy);
  report.seed = options.seed;
  report.labels = in.labels;
  report.temperature_before = report.temperature_after = result.temperature = in.temperature;
  const Recipe& how = recipe(options.strategy);
  report.replayed = how.rehearses || how.analytic ? in.replay.size() : 0;
  report.taught = in.taught.size();
  result.trainable = in.trainable;
  result.weights = parameters_by_name(in.trainable);
  result.fisher = in.fisher;
}

bool SleepCycle::Night::select() {
  plan = plan_night(in, options);
  SleepReport& report = result.report;
  report.slow_classes_before =
      static_cast<std::size_t>(in.trainable.value(in.trainable.outputs().at(0)).shape.back());
  report.heldout = plan.heldout.size();
  report.self_labelled = plan.self_labelled;
  report.rate = plan.rate;
  report.ewc_lambda = plan.ewc ? plan.ewc->lambda : 0;
  if (in.replay.size() == 0 && plan.distilled > 0)
    report.notes.push_back(
        "no seed memory: old classes are kept by distillation from the shipped weights alone");
  if (in.privacy) begin_privately();
  if (plan.pools.empty()) return false;
  sampler.emplace(plan.pools, random.bits());
  if (std::ranges::any_of(plan.fresh, [](const auto& pool) { return !pool.empty(); }))
    fresh_sampler.emplace(plan.fresh, random.bits());
  if (!recipe(options.strategy).analytic) make_trainers();
  return false;
}

void SleepCycle::Night::begin_privately() {
  const PrivacyOptions& asked = in.privacy->options;
  SleepReport& report = result.report;
  report.privacy = PrivacyReport{asked, in.privacy->spent, plan.secret_rate};
  if (plan.rows.size() == 0)
    report.notes.push_back("a private night needs a seed memory: nothing else is public");
  if (plan.secret.size() > 0) secret.emplace(plan.part->graph(), asked.clip, asked.noise, drivers);
  if (plan.ewc && options.control)
    report.notes.push_back("no control without EWC: it would spend of the privacy budget as the night does");
}

void SleepCycle::Night::make_trainers() {
  StrategyTrainer::Setup setup{options.strategy,  {.momentum = options.momentum}, plan.ewc, {}, {}, drivers,
                               secret.has_value()};
  if (recipe(options.strategy).distils) setup.before = plan.waking;
  setup.met.assign(result.report.slow_classes_before, true);
  trainer.emplace(plan.part->graph(), setup);
  setup.hold.reset();
  if (options.control && plan.ewc && !in.privacy) control.emplace(plan.part->graph(), setup);
  if (plan.distilled > 0) waking.emplace(plan.waking, drivers, engine::Session::Options{.timed = true});
}

bool SleepCycle::Night::rehearse() {
  if (trainer && result.report.seconds > options.budget_seconds)
    end_rehearsal("the budget was spent before the last step");
  if (trainer && !result.report.stopped) {
    train_one_step();
    if (++step < plan.steps) return true;
  }
  take_candidate();
  return false;
}

void SleepCycle::Night::take_candidate() {
  if (!sampler) return;
  candidate = trainer ? trainer->graph() : solved(plan, options.strategy, drivers);
  if (!trainer) result.report.steps = 1;
}

void SleepCycle::Night::train_one_step() {
  const float rate = scheduled_rate(plan.rate, step, plan.steps);
  const auto [fresh, replay] = draw();
  note_loss(secret ? step_privately(replay, rate) : trainer->step(fresh, replay, rate));
  if (control) control->step(fresh, replay, rate);
}

/// Public rows and taught ones are two means; each moves the weights by half the rate.
float SleepCycle::Night::step_privately(const Replay& replay, float rate) {
  ++result.report.privacy->steps;
  return trainer->step({}, replay, rate / 2,
                       secret->draw(trainer->parameters(), plan.secret, plan.secret_rate));
}

/// Strategies that treat fresh rows in their own way get half a batch of them; the others take one balanced
/// batch of everything.
SleepCycle::Night::Batch SleepCycle::Night::draw() {
  const Recipe& how = recipe(options.strategy);
  if (!how.rehearses) return {gather(plan.rows, sampler->draw(options.batch)), {}};
  Batch batch;
  const bool apart = (how.masks || how.logits) && fresh_sampler;
  const std::size_t half = apart ? (options.batch + 1) / 2 : options.batch;
  if (apart) batch.fresh = gather(plan.rows, fresh_sampler->draw(half));
  const std::vector<std::size_t> rows = sampler->draw(half);
  batch.replay.labelled = gather(plan.rows, rows);
  if (how.logits)
    batch.replay = dark(std::move(batch.replay), half);
  else
    batch.replay.targets = targets_for(batch.replay.labelled, rows);
  return batch;
}

/// With the waking model's logits for as many more rows, of which those count that it knew.
Replay SleepCycle::Night::dark(Replay replay, std::size_t count) {
  if (!waking) return replay;
  std::vector<std::size_t> rows = sampler->draw(count);
  std::erase_if(rows, [this](std::size_t row) { return row >= plan.distilled; });
  if (rows.empty()) return replay;
  replay.dark = gather(plan.rows, rows);
  replay.dark_logits = waking->run(std::span(&replay.dark.latents, 1)).at(0);
  return replay;
}

/// One-hot, mixed with the waking model's answer where that is worth keeping.
Tensor SleepCycle::Night::targets_for(const LabelledLatents& batch, std::span<const std::size_t> rows) {
  Tensor targets = one_hot(batch.classes, in.labels.size());
  if (!waking || !(options.distillation > 0)) return targets;
  const Tensor answer = probabilities(waking->run(std::span(&batch.latents, 1)).at(0), 1);
  const auto old_classes = static_cast<std::size_t>(answer.shape()[1]);
  const auto said = answer.values<float>();
  const auto values = targets.mutable_values<float>();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] >= plan.distilled) continue;
    const auto target = values.subspan(i * in.labels.size(), in.labels.size());
    for (float& t : target) t *= 1 - options.distillation;
    for (std::size_t c = 0; c < old_classes; ++c)
      target[c] += options.distillation * said[i * old_classes + c];
  }
  return targets;
}

void SleepCycle::Night::note_loss(float loss) {
  loss_sum += double{loss};
  ++loss_count;
  result.report.steps = step + 1;
  if ((step + 1) % std::max<std::size_t>(plan.steps / kLossPoints, 1) != 0 && step + 1 != plan.steps) return;
  result.report.loss.emplace_back(step + 1, static_cast<float>(loss_sum / static_cast<double>(loss_count)));
  loss_sum = 0;
  loss_count = 0;
}

/// The kernel head and its seat, where there is to be one.
bool SleepCycle::Night::fit() {
  if (!candidate) return false;
  if (!network_after) {
    result.trainable = Standardised::restore(*candidate, plan.part->scale());
    result.weights = parameters_by_name(result.trainable);
    if (plan.heldout.size() == 0) return false;
    network_after = run_part(result.trainable, plan.heldout.latents, drivers);
    if (recipe(options.strategy).rehearses && !recipe(options.strategy).starts_over &&
        options.kernel_examples > 0 && !in.episodes.empty() && !in.trunk && !in.privacy &&
        engine::all_finite(network_after->values<float>()))
      kernel.emplace(in, options.kernel_examples);
    return kernel.has_value();
  }
  if (kernel->fit_more() || kernel->seat_more(*network_after, plan.heldout)) return true;
  result.kernel = kernel->seat();
  result.report.kernel = kernel->report(plan.heldout);
  return false;
}

bool SleepCycle::Night::dream_check() {
  if (!candidate) {
    reject("there is nothing to rehearse");
    return false;
  }
  note_drivers();
  if (!network_after) {
    reject("nothing is held out, so nothing can be proved");
    return false;
  }
  const Tensor before = run_part(in.trainable, plan.heldout.latents, drivers);
  const Tensor after = judged(*network_after, plan.heldout.latents);
  const auto slow = predictions(in.kernel ? in.kernel->pool(before, heldout_latents()) : before);
  result.report.verdict = learning::dream_check(plan.heldout.classes, slow, answers_awake(slow, before),
                                                predictions(after), in.labels, options.guard);
  if (in.core.size() > 0) {
    const Tensor core = judged(run_part(result.trainable, in.core.latents, drivers), in.core.latents);
    core_check(result.report.verdict, in.core.classes, in.core_held, predictions_among(core, in.core_classes),
               in.labels, options.guard);
  }
  if (!engine::all_finite(after.values<float>())) reject("the candidate's answers are not finite");
  result.accepted = result.report.verdict.accepted;
  calibrate(after);
  if (control) result.report.right_without_ewc = right_without_ewc();
  return false;
}

std::map<std::string, double> SleepCycle::Night::driver_seconds() const {
  std::map<std::string, double> total = earlier_seconds;
  const auto add = [&total](const std::map<std::string, double>& more) {
    for (const auto& [driver, seconds] : more) total[driver] += seconds;
  };
  if (trainer) add(trainer->seconds());
  if (control) add(control->seconds());
  if (waking) add(waking->seconds());
  return total;
}

void SleepCycle::Night::note_drivers() {
  SleepReport& report = result.report;
  report.driver_seconds = driver_seconds();
  double other = 0;
  for (const auto& [at, seconds] : report.stage_seconds)
    if (at == Stage::rehearse) other += seconds;
  for (const auto& [driver, seconds] : report.driver_seconds) other -= seconds;
  if (other > 0) report.driver_seconds["other"] = other;
}

/// The slow head's logits, by weights that these latents had no part in finding.
Tensor SleepCycle::Night::judged(const Tensor& network_logits, const Tensor& latents) const {
  return result.kernel ? kernel->judged(network_logits, latents) : network_logits;
}

double SleepCycle::Night::right_without_ewc() const {
  const engine::Graph part = Standardised::restore(control->graph(), plan.part->scale());
  return share_right(predictions(run_part(part, plan.heldout.latents, drivers)), plan.heldout.classes);
}

const Tensor& SleepCycle::Night::heldout_latents() {
  if (!in.trunk) return plan.heldout.latents;
  if (!seen) seen = run_part(*in.trunk, plan.heldout.latents, drivers);
  return *seen;
}

/// What the waking model answers with both heads: what people get now.
std::vector<ClassIndex> SleepCycle::Night::answers_awake(const std::vector<ClassIndex>& slow,
                                                         const Tensor& network_logits) {
  if (!in.fast) return slow;
  engine::PublishedModel awake;
  awake.name = in.model;
  awake.labels = in.labels;
  awake.slow_classes = static_cast<std::size_t>(network_logits.shape()[1]);
  awake.slow_temperature = in.kernel ? 1 : in.temperature;
  awake.kernel = in.kernel;
  awake.fast = in.fast;
  awake.arbiter = measure_arbiter(slow, predictions(logits_of(*in.fast, heldout_latents())),
                                  plan.heldout.classes, awake.slow_classes, in.labels.size());
  std::vector<ClassIndex> answers;
  const auto latents = heldout_latents().values<float>();
  const std::size_t width = latents.size() / std::max<std::size_t>(plan.heldout.size(), 1);
  for (std::size_t i = 0; i < plan.heldout.size(); ++i) {
    const auto logits = network_logits.values<float>().subspan(i * awake.slow_classes, awake.slow_classes);
    answers.push_back(static_cast<ClassIndex>(
        engine::arbitrate(awake, logits, latents.subspan(i * width, width)).predicted));
  }
  return answers;
}

/// Temperature and arbiter of the candidate, on what training never saw.
void SleepCycle::Night::calibrate(const Tensor& logits) {
  result.temperature = fit_temperature(*network_after, plan.heldout.classes, in.temperature);
  result.report.temperature_after = result.temperature;
  if (!in.fast) return;
  result.arbiter = measure_arbiter(predictions(logits), predictions(logits_of(*in.fast, heldout_latents())),
                                   plan.heldout.classes, in.labels.size(), in.labels.size());
}

bool SleepCycle::Night::consolidate() {
  if (result.accepted && estimate_importance()) return true;
  return hooks.consolidate && hooks.consolidate();
}

/// A few samples a piece; true while there are more.
bool SleepCycle::Night::estimate_importance() {
  const bool samples = recipe(options.strategy).hold != Hold::path;
  if (samples && fisher_samples == kFisherSamples) return false;
  if (samples) {
    if (!fisher) fisher.emplace(*candidate);
    for (std::size_t i = 0; i < kFisherPiece; ++i)
      fisher->add(plan.rows.row(sampler->draw(1).front()), FisherLabels::sampled, random);
    fisher_samples += kFisherPiece;
  }
  note_importance();
  return samples;
}

void SleepCycle::Night::note_importance() {
  if (recipe(options.strategy).hold == Hold::path)
    result.fisher = path_importance(in.fisher, trainer->path(), parameters_by_name(plan.part->graph()),
                                    trainer->parameters(), Knobs{}.damping);
  else if (fisher_samples == kFisherSamples)
    result.fisher = accumulate_fisher(in.fisher, fisher->mean(), options.ewc_decay);
}

bool SleepCycle::Night::commit() {
  if (hooks.commit) hooks.commit(result);
  return false;
}

bool SleepCycle::Night::piece() {
  switch (stage) {
    case Stage::select:
      return select();
    case Stage::rehearse:
      return rehearse();
    case Stage::fit:
      return fit();
    case Stage::dream_check:
      return dream_check();
    case Stage::consolidate:
      return consolidate();
    case Stage::tidy:
      return tidy();
    case Stage::commit:
      return commit();
    case Stage::done:
      return false;
  }
  return false;
}

SleepCycle::SleepCycle(SleepInputs inputs, SleepOptions options, SleepHooks hooks,
                       std::span<const engine::Driver* const> drivers)
    : night_(std::make_unique<Night>(std::move(inputs), options, std::move(hooks), drivers)) {}
SleepCycle::~SleepCycle() = default;
SleepCycle::SleepCycle(SleepCycle&&) noexcept = default;

bool SleepCycle::advance(std::stop_token stop) {
  Night& night = *night_;
  SleepReport& report = night.result.report;
  if (night.stage == Stage::done) return false;
  if (stop.stop_requested()) {
    report.stopped = true;
    night.result.accepted = false;
    night.reject("asked to stop during " + std::string(word(night.stage)));
    night.stage = Stage::done;
    return false;
  }
  const Stage at = night.stage;
  const Clock::Steady from = night.clock->now();
  const bool more = night.piece();
  const double seconds = seconds_between(from, night.clock->now());
  report.seconds += seconds;
  if (report.stage_seconds.empty() || report.stage_seconds.back().first != at)
    report.stage_seconds.emplace_back(at, 0);
  report.stage_seconds.back().second += seconds;
  if (!more) night.stage = static_cast<Stage>(static_cast<int>(at) + 1);
  return night.stage != Stage::done;
}

void SleepCycle::end_rehearsal(std::string note) { night_->end_rehearsal(std::move(note)); }

const SleepReport& SleepCycle::report() const { return night_->result.report; }

double SleepCycle::worked_seconds() const { return night_->result.report.seconds; }

Stage SleepCycle::stage() const { return night_->stage; }

double SleepCycle::progress() const {
  if (night_->stage > Stage::rehearse) return 1;
  return night_->plan.steps ? double(night_->step) / double(night_->plan.steps) : 0;
}

const SleepResult& SleepCycle::result() const {
  ensure(night_->stage == Stage::done, "the night is over");
  return night_->result;
}

}  // namespace dormouse::learning
