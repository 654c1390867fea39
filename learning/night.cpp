#include "learning/night.h"

#include <algorithm>
#include <cmath>

#include "engine/session.h"
#include "learning/fisher.h"
#include "learning/linear_layer.h"
#include "learning/rehearsal.h"

namespace dormouse::learning {
namespace {

constexpr std::size_t kPasses = 30, kLeastSteps = 600, kMostSteps = 4000;
constexpr std::size_t kCurvatureRows = 512;
constexpr double kRateGain = 100, kMostRateGain = 100;

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
  for (const LabelledLatents* data : {&in.replay, &in.heldout, &in.taught, &in.taught_heldout}) {
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
  const float lambda = options.ewc_lambda.value_or(ewc_lambda_for(replayed_per_class(in)));
  if (recipe(options.strategy).hold == Hold::none || !(lambda > 0) || in.fisher.empty()) return std::nullopt;
  Ewc ewc{parameters_by_name(part), {}, lambda};
  // New rows are held by nothing.
  Parameters nothing;
  for (const auto& [name, anchor] : ewc.anchor)
    nothing.emplace(name, Tensor(engine::DType::f32, anchor.shape()));
  ewc.fisher = accumulate_fisher(in.fisher, nothing, 1.0f);
  return ewc;
}

}  // namespace

NightPlan plan_night(const SleepInputs& in, const SleepOptions& options) {
  check(in);
  NightPlan plan;
  plan.rows = recipe(options.strategy).rehearses ? concatenate(in.replay, in.taught) : in.taught;
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
  // Without a seed, what the taught latents looked like to the waking model is all that is left of the old
  // classes.
  if (recipe(options.strategy).rehearses && !recipe(options.strategy).starts_over)
    plan.distilled = in.replay.size() > 0 ? in.replay.size() : plan.rows.size();
  plan.ewc = pull(in, options, plan.part->graph());
  plan.steps = planned_steps(plan.pools, options);
  plan.rate = data_scaled_rate(plan, options);
  return plan;
}

Tensor run_part(const engine::Graph& part, const Tensor& latents,
                std::span<const engine::Driver* const> drivers) {
  return engine::Session(part, drivers).run(std::span(&latents, 1)).at(0);
}

}  // namespace dormouse::learning
