#include "tests/bench/ladder/strategy_learner.h"

#include <algorithm>

#include "drivers/all_drivers.h"
#include "engine/session.h"
#include "learning/continual.h"
#include "tests/bench/ladder/network.h"

namespace dormouse::bench {
namespace {

using learning::ContinualLearner;
using learning::ContinualOptions;
using learning::ExemplarOptions;
using learning::LabelledLatents;
using learning::Packing;

constexpr std::size_t kFisherSamples = 2000;
constexpr std::size_t kSleepBatch = 64;
constexpr std::size_t kLooks = 10;  // at a sleeper
constexpr std::size_t kRetrainBatch = 10;

Packing packing_of(const Way& way, bool images) {
  if (!images) return {.code = way.items > 0 ? Packing::Code::f32 : Packing::Code::bits8};
  return {.code = way.small ? Packing::Code::bits4 : Packing::Code::bits8,
          .range = Packing::Range{0, 1},
          .image = learning::ImageShape{28, 28},
          .half = way.small};
}

/// A budget for so many exemplars is that many times what one takes, kept logits left out: the references
/// count exemplars.
ExemplarOptions memory_of(const Way& way, const Place& place) {
  ExemplarOptions memory{
      .budget_bytes = way.bytes,
      .packing = packing_of(way, place.pixels),
      .selection = way.balanced ? learning::Selection::balanced : learning::Selection::reservoir,
      .seed = place.seed};
  if (way.items > 0) {
    if (learning::recipe(way.strategy).logits) memory.logits = place.classes;
    ExemplarOptions one = memory;
    one.budget_bytes = 1 << 20;
    memory.budget_bytes = way.items * learning::ExemplarMemory(place.width, one).item_bytes();
  }
  return memory;
}

ContinualOptions options_of(const Way& way, const Place& place) {
  ContinualOptions options{
      .strategy = way.strategy,
      .knobs = {.alpha = way.alpha, .beta = way.beta, .lambda = way.lambda, .damping = way.damping},
      .rate = way.rate,
      .replay_batch = way.replay,
      .fisher_samples = kFisherSamples,
      .retrain_steps = std::max<std::size_t>(18'000, 30 * way.items) / kRetrainBatch,
      .retrain_batch = kRetrainBatch,
      .ridge = {.ridge = 1e-4, .balanced = false},
      .seed = place.seed,
      .drivers = drivers::all_drivers()};
  if (learning::recipe(way.strategy).rehearses) options.memory = memory_of(way, place);
  return options;
}

/// inputs [N, width] → ReLU of a fixed random layer [N, features]: what lifts the input of a linear head.
engine::Graph lift(std::size_t width, std::size_t features, std::uint64_t seed) {
  engine::Graph graph = network(width, {}, features, seed);
  const engine::Value lifted = engine::relu({&graph, graph.outputs().front()});
  graph.set_outputs({});
  graph.mark_output(lifted.id);
  return graph;
}

/// A uniform sample of a day, of at most so many examples.
class Recent {
 public:
  Recent(std::size_t width, std::size_t most, std::uint64_t seed)
      : random_(seed),
        width_(width),
        most_(most),
        inputs_(engine::DType::f32,
                engine::Shape{static_cast<std::int64_t>(most), static_cast<std::int64_t>(width)}) {}

  void add(const LabelledLatents& batch) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      ++seen_;
      std::size_t slot = classes_.size();
      if (slot < most_)
        classes_.emplace_back();
      else if (slot = random_.below(seen_); slot >= most_)
        continue;
      classes_[slot] = batch.classes[i];
      std::ranges::copy(batch.row(i), inputs_.mutable_values<float>().subspan(slot * width_, width_).begin());
    }
  }

  /// What there is; then it begins anew.
  LabelledLatents take() {
    seen_ = 0;
    const auto count = static_cast<std::int64_t>(classes_.size());
    return {inputs_.rows(0, count).clone(), std::exchange(classes_, {})};
  }

 private:
  learning::Random random_;
  std::size_t width_;
  std::size_t most_;
  std::size_t seen_ = 0;
  engine::Tensor inputs_;
  std::vector<learning::ClassIndex> classes_;
};

class StrategyLearner final : public Learner {
 public:
  StrategyLearner(const Way& way, const Place& place)
      : way_(way),
        learner_(network(way.lift > 0 ? way.lift : place.width, place.hidden, place.classes, place.seed),
                 options_of(way, place)) {
    if (learning::recipe(way.strategy).hold == learning::Hold::fisher)
      recent_.emplace(place.width, kFisherSamples, place.seed);
    if (way.lift > 0) lift_.emplace(lift(place.width, way.lift, place.seed), drivers::all_drivers());
  }

  void observe(const LabelledLatents& batch) override {
    if (recent_) recent_->add(batch);
    learner_.learn({lifted(batch.latents), batch.classes});
  }

  void sleep(const std::function<void()>& looked_at) override {
    learner_.end_task(recent_ ? recent_->take() : LabelledLatents{});
    for (std::size_t step = 0; step < way_.sleep; step += way_.sleep / kLooks) {
      learner_.rehearse(std::min(way_.sleep / kLooks, way_.sleep - step), kSleepBatch, way_.sleep_rate);
      looked_at();
    }
  }

  engine::Tensor answer(const engine::Tensor& inputs) override { return learner_.logits(lifted(inputs)); }
  std::size_t bytes() const override { return learner_.bytes(); }

 private:
  engine::Tensor lifted(const engine::Tensor& inputs) const {
    return lift_ ? lift_->run(std::span(&inputs, 1)).front() : inputs;
  }

  Way way_;
  std::optional<Recent> recent_;  ///< for the Fisher information of the task
  std::optional<engine::Session> lift_;
  ContinualLearner learner_;
};

}  // namespace

std::unique_ptr<Learner> strategy_learner(const Way& way, const Place& place) {
  return std::make_unique<StrategyLearner>(way, place);
}

}  // namespace dormouse::bench
