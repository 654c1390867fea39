#include "learning/night.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <ranges>

#include "config/text.h"
#include "engine/session.h"
#include "learning/fisher.h"
#include "learning/linear_layer.h"
#include "learning/rehearsal.h"
#include "learning/ridge.h"
#include "learning/slda.h"

namespace dormouse::learning {
namespace {

constexpr std::size_t kPasses = 30, kLeastSteps = 600, kMostSteps = 4000;
constexpr std::size_t kCurvatureRows = 512;
constexpr double kRateGain = 100, kMostRateGain = 100;
constexpr double kTrunkGain =
    20;  // the curvature of raw inputs says nothing about what a network makes of them
constexpr std::int64_t kRunRows = 256;

std::size_t classes_of(const engine::Graph& part) {
  return static_cast<std::size_t>(part.value(part.outputs().at(0)).shape.back());
}

void check(const SleepInputs& in) {
  const std::size_t slow = classes_of(in.trainable);
  if (slow > in.labels.size())
    throw Failure(Errc::invalid, in.model + ": the slow head has " + std::to_string(slow) +
                                     " classes, but there are " + std::to_string(in.labels.size()) +
                                     " labels");
  const std::int64_t width = in.trainable.value(in.trainable.inputs().at(0)).shape.back();
  for (const LabelledLatents* data :
       {&in.replay, &in.heldout, &in.taught, &in.taught_heldout, &in.self_labelled}) {
    if (data->size() == 0) continue;
    if (data->latents.shape() != Shape{std::int64_t(data->size()), width})
      throw Failure(Errc::invalid, in.model + ": latents " + to_string(data->latents.shape()) +
                                       " for a cut of width " + std::to_string(width));
    if (std::ranges::max(data->classes) >= in.labels.size())
      throw Failure(Errc::invalid, in.model + ": a latent of an unknown class");
  }
}

engine::Graph zeroed(engine::Graph part) {
  for (const engine::ValueId id : parameters_of(part))
    part.set_constant(id, Tensor(engine::DType::f32, part.value(id).shape));
  return part;
}

/// The part with a row for every label, as this strategy starts from it.
engine::Graph starting_point(const SleepInputs& in, Strategy strategy) {
  engine::Graph part = in.trainable;
  if (classes_of(part) < in.labels.size()) {
    // Fast weights that no seed balances would start the new rows too high.
    const bool balanced =
        recipe(strategy).rehearses && !recipe(strategy).starts_over && in.fast && in.replay.size() > 0;
    const engine::LinearHead* fast = balanced ? &*in.fast : nullptr;
    grow_head(part, rows_from_fast(part, fast, in.temperature, in.taught, in.labels.size()));
  }
  // A hidden layer at zero would never leave it; such a part trains from its shipped weights.
  const bool from_nothing = recipe(strategy).starts_over && as_linear_head(part).has_value();
  return from_nothing ? zeroed(std::move(part)) : part;
}

std::size_t planned_steps(const std::vector<std::vector<std::size_t>>& pools, const SleepOptions& options) {
  if (options.steps > 0) return options.steps;
  std::size_t largest = 0, present = 0;
  for (const auto& pool : pools) {
    largest = std::max(largest, pool.size());
    present += !pool.empty();
  }
  const std::size_t steps = std::clamp(kPasses * largest * present / options.batch, kLeastSteps, kMostSteps);
  return recipe(options.strategy).starts_over ? 2 * steps : steps;
}

/// GDumb's memory: a class has at most its share of all rows.
void cut_to_even_shares(std::vector<std::vector<std::size_t>>& pools, std::size_t rows, std::uint64_t seed) {
  const auto present = std::ranges::count_if(pools, [](const auto& pool) { return !pool.empty(); });
  const std::size_t share = std::max<std::size_t>(rows / std::max<std::size_t>(std::size_t(present), 1), 1);
  Random random(seed);
  for (auto& pool : pools) {
    random.shuffle(pool);
    pool.resize(std::min(pool.size(), share));
  }
}

float data_scaled_rate(const NightPlan& plan, const SleepOptions& options) {
  BalancedSampler sampler(plan.pools, options.seed);
  const double steepness =
      curvature(plan.rows.latents, sampler.draw(std::min(kCurvatureRows, 4 * plan.rows.size())));
  const double gain = std::clamp(kRateGain / std::max(steepness, 1e-9), 1.0, kMostRateGain);
  return static_cast<float>(double{options.slow_lr} * gain);
}

double replayed_per_class(const SleepInputs& in) {
  return static_cast<double>(in.replay.size()) / static_cast<double>(classes_of(in.trainable));
}

std::optional<Ewc> pull(const SleepInputs& in, const SleepOptions& options, const engine::Graph& part) {
  const Recipe& how = recipe(options.strategy);
  const float usual = how.hold == Hold::path ? 1 : ewc_lambda_for(how.rehearses ? replayed_per_class(in) : 0);
  const float lambda = options.ewc_lambda.value_or(usual);
  if (how.hold == Hold::none || !(lambda > 0) || in.fisher.empty()) return std::nullopt;
  Ewc ewc{parameters_by_name(part), {}, lambda};
  // New rows are held by nothing.
  Parameters nothing;
  for (const auto& [name, anchor] : ewc.anchor)
    nothing.emplace(name, Tensor(engine::DType::f32, anchor.shape()));
  ewc.fisher = accumulate_fisher(in.fisher, nothing, 1.0f);
  return ewc;
}

/// As many of a class as it has other rows.
void add_self_labelled(NightPlan& plan, const SleepInputs& in) {
  std::vector<std::size_t> room(in.labels.size()), rows;
  for (const ClassIndex c : plan.rows.classes) ++room[c];
  for (std::size_t i = 0; i < in.self_labelled.size(); ++i) {
    std::size_t& left = room[in.self_labelled.classes[i]];
    if (left == 0) continue;
    --left;
    rows.push_back(i);
  }
  plan.self_labelled = rows.size();
  if (!rows.empty()) plan.rows = concatenate(plan.rows, gather(in.self_labelled, rows));
}

/// All others come kOthersWeigh times before these come twice.
void weigh_down_self_labelled(NightPlan& plan) {
  constexpr std::size_t kOthersWeigh = 4;
  for (auto& pool : plan.pools) {
    const std::vector<std::size_t> once = pool;
    for (const std::size_t row : once)
      if (row < plan.rows.size() - plan.self_labelled) pool.insert(pool.end(), kOthersWeigh - 1, row);
  }
}

NightPlan plan_openly(const SleepInputs& in, const SleepOptions& options) {
  NightPlan plan;
  const Recipe& how = recipe(options.strategy);
  const bool seed_too = how.rehearses || how.analytic;
  plan.rows = seed_too ? concatenate(in.replay, in.taught) : in.taught;
  if (how.rehearses && !how.starts_over) add_self_labelled(plan, in);
  plan.heldout = concatenate(in.heldout, in.taught_heldout);
  plan.grown = starting_point(in, options.strategy);
  if (plan.rows.size() == 0) return plan;

  const std::size_t width = plan.rows.width();
  const LatentScale scale =
      in.scale ? *in.scale : scale_of(statistics_of(plan.rows, in.labels.size()), width);
  plan.part.emplace(plan.grown, scale);
  plan.waking = Standardised(in.trainable, scale).graph();
  plan.rows.latents = plan.part->apply(plan.rows.latents);
  plan.pools = rows_by_class(plan.rows, in.labels.size());
  if (options.strategy == Strategy::gdumb) cut_to_even_shares(plan.pools, plan.rows.size(), options.seed);
  plan.fresh = plan.pools;
  for (auto& pool : plan.fresh)
    std::erase_if(pool, [&](std::size_t row) {
      return (seed_too && row < in.replay.size()) || row >= plan.rows.size() - plan.self_labelled;
    });
  // Without a seed, what the taught latents looked like to the waking model is all that is left of the old
  // classes.
  if (how.rehearses && !how.starts_over)
    plan.distilled = in.replay.size() > 0 ? in.replay.size() : plan.rows.size();
  plan.ewc = pull(in, options, plan.part->graph());
  plan.steps = how.analytic ? 1 : planned_steps(plan.pools, options);
  plan.rate =
      in.trunk ? static_cast<float>(kTrunkGain * double{options.slow_lr}) : data_scaled_rate(plan, options);
  if (plan.self_labelled > 0) weigh_down_self_labelled(plan);
  return plan;
}

/// What a private night may look at without noise.
SleepInputs public_part(SleepInputs in) {
  in.taught = {};
  in.taught_heldout = {};
  in.self_labelled = {};
  in.fast.reset();
  return in;
}

/// A class of which nothing can be rehearsed starts as the least likely one, not as impossible: tomorrow's
/// night may train it.
void start_low(engine::LinearHead& head, const std::vector<std::vector<std::size_t>>& pools) {
  const auto bias = head.weights.mutable_values<float>().last(head.classes());
  float least = 0;
  for (std::size_t c = 0; c < pools.size(); ++c)
    if (!pools[c].empty()) least = std::min(least, bias[c]);
  for (std::size_t c = 0; c < pools.size(); ++c)
    if (pools[c].empty()) bias[c] = least;
}

}  // namespace

void require_private(Strategy strategy) {
  const auto fits = [](const Recipe& how) { return how.rehearses && !how.masks; };
  if (fits(recipe(strategy))) return;
  const std::string others = config::join(std::views::filter(recipes(), fits), &Recipe::word);
  throw Failure(Errc::conflict,
                "strategy '" + std::string(word(strategy)) +
                    "' looks at taught latents in ways that privacy.dp does not cover; choose "
                    "one of " +
                    others + ", or turn privacy.dp off");
}

NightPlan plan_night(const SleepInputs& in, const SleepOptions& options) {
  check(in);
  if (!in.privacy) return plan_openly(in, options);
  require_private(options.strategy);
  NightPlan plan = plan_openly(public_part(in), options);
  plan.heldout = concatenate(in.heldout, in.taught_heldout);
  if (plan.rows.size() == 0 || in.taught.size() == 0) return plan;
  plan.secret = {plan.part->apply(in.taught.latents), in.taught.classes};
  plan.secret_rate = sampling_rate(in.taught.size(), options.batch);
  require_budget(in.privacy->spent, in.privacy->options, plan.secret_rate);
  plan.steps = affordable_steps(in.privacy->spent, in.privacy->options, plan.secret_rate, plan.steps);
  return plan;
}

engine::Graph solved(const NightPlan& plan, Strategy strategy,
                     std::span<const engine::Driver* const> drivers) {
  engine::Graph part = plan.part->graph();
  const auto layer = linear_layer_to(part, part.outputs().at(0));
  if (!layer)
    throw Failure(Errc::unsupported,
                  std::string(word(strategy)) + " solves the last layer, which is not linear here");
  LabelledLatents features = plan.rows;
  if (layer->input != part.inputs().at(0)) {
    const engine::Graph below = engine::extract(part, part.inputs(), std::array{layer->input});
    features.latents = run_part(below, plan.rows.latents, drivers);
  }
  const Statistics statistics = statistics_of(features, plan.pools.size());
  std::unique_ptr<FastHead> head;
  if (strategy == Strategy::slda)
    head = std::make_unique<SldaHead>(features.width(), statistics, SldaHead::Options{});
  else
    head = std::make_unique<RidgeHead>(features.width(), statistics, RidgeHead::Options{});
  engine::LinearHead weights = head->head();
  start_low(weights, plan.pools);
  set_last_layer(part, weights, 1 / weights.temperature);
  return part;
}

Tensor run_part(const engine::Graph& part, const Tensor& latents,
                std::span<const engine::Driver* const> drivers) {
  const engine::Session session(part, drivers);
  const std::int64_t rows = latents.shape()[0];
  if (rows <= kRunRows) return session.run(std::span(&latents, 1)).at(0);
  std::vector<float> values;
  for (std::int64_t first = 0; first < rows; first += kRunRows) {
    const Tensor some = latents.rows(first, std::min(kRunRows, rows - first));
    const Tensor made = session.run(std::span(&some, 1)).at(0);
    values.insert(values.end(), made.values<float>().begin(), made.values<float>().end());
  }
  return Tensor::from<float>(Shape{rows, std::int64_t(values.size()) / rows}, values);
}

}  // namespace dormouse::learning
