#include "tests/bench/lifetime.h"

#include <algorithm>
#include <array>

#include "memory/working.h"

namespace dormouse::bench {
namespace {

using engine::Tensor;
using learning::Dataset;

constexpr double kPatience = 3600;  // seconds: a busy machine must not cut a night short

/// Counts right answers of known and taught classes.
class Tally {
 public:
  void add(bool taught, bool right) {
    ++seen_[taught];
    right_[taught] += right;
  }
  Score score() const {
    return {percent(right_[0], seen_[0]), percent(right_[1], seen_[1]),
            percent(right_[0] + right_[1], seen_[0] + seen_[1])};
  }

 private:
  static double percent(std::size_t right, std::size_t seen) {
    return seen == 0 ? 0 : 100.0 * static_cast<double>(right) / static_cast<double>(seen);
  }
  std::array<std::size_t, 2> seen_{};
  std::array<std::size_t, 2> right_{};
};

std::filesystem::path made(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  return folder;
}

std::size_t argmax(std::span<const float> values) {
  return static_cast<std::size_t>(std::ranges::max_element(values) - values.begin());
}

}  // namespace

Lifetime::Lifetime(const daemon::ModelOptions& model, const std::filesystem::path& state,
                   std::span<const engine::Driver* const> drivers, const daemon::NightOptions& night)
    : parts_(daemon::load_model(model, drivers)),
      store_({made(state) / "dormouse.db", {}, ""}, clock_),
      versions_(state / "versions", files_),
      night_(night),
      learner_(parts_, night_, store_, &versions_, {}) {
  if (!parts_->learnable || !parts_->window)
    throw Failure(Errc::invalid, model.path.string() + ": takes no clips, or has no labels");
}

daemon::InferenceResult Lifetime::infer(const Tensor& clip) const {
  const auto& held_out = learner_.served().held_out;
  const hrm::Blend blend = learnt_blend_ && held_out ? held_out->blend : hrm::Blend();
  return daemon::infer(
      {.served = learner_.served(),
       .planner = {},
       .router = {.mixing = blend.mixing, .temperature = blend.temperature},
       .inputs = {engine::window_input(clip.as(engine::DType::f32), *parts_->window, parts_->normaliser)}});
}

void Lifetime::teach(const Dataset& clips) {
  for (std::size_t i = 0; i < clips.size(); ++i) {
    const auto result = infer(clips.clips[i]);
    const daemon::RowAnswer& answer = result.rows.front();
    if (ids_.left() == 0) ids_.add(store_.reserve_ids());
    memory::Inference inference;
    inference.id = *ids_.take();
    inference.model = parts_->options.name;
    inference.time = clock_.wall();
    inference.version = learner_.served().model->version;
    inference.latent = answer.latent;
    inference.probabilities = answer.decision.probabilities;
    inference.prediction = learner_.labels()[answer.decision.predicted];
    inference.confidence = answer.decision.confidence;
    inference.novelty = answer.novelty;
    learner_.teach(inference.id, memory::to_episode(inference), clips.labels[clips.classes[i]]);
  }
}

learning::SleepResult Lifetime::night(learning::Strategy strategy) const {
  learning::SleepOptions options = night_.cycle;
  options.strategy = strategy;
  options.budget_seconds = kPatience;
  learning::SleepCycle cycle(learner_.sleep_inputs("1"), options, {}, parts_->drivers);
  while (cycle.advance()) {
  }
  return cycle.result();
}

learning::SleepResult Lifetime::sleep() {
  const learning::SleepResult result = night(learning::Strategy::replay_ewc);
  if (!result.accepted) return result;
  learning::Version version;
  version.labels = learner_.labels();
  version.temperature = result.temperature;
  version.arbiter = result.arbiter;
  version.weights = result.weights;
  version.fisher = result.fisher;
  version.kernel = result.kernel;
  version.number = versions_.commit(version);
  learner_.adopt(std::move(version));
  learner_.consolidate();
  return result;
}

engine::Graph Lifetime::control(learning::Strategy strategy) const { return night(strategy).trainable; }

bool Lifetime::is_taught(const std::string& label) const {
  return std::ranges::find(parts_->learnable->labels, label) == parts_->learnable->labels.end();
}

Scores Lifetime::answers(const Dataset& clips) const {
  Tally slow, heads, served;
  const std::vector<std::string>& labels = learner_.labels();
  for (std::size_t i = 0; i < clips.size(); ++i) {
    const std::string& truth = clips.labels[clips.classes[i]];
    const bool taught = is_taught(truth);
    const auto result = infer(clips.clips[i]);
    const daemon::RowAnswer& answer = result.rows.front();
    slow.add(taught, labels[answer.executor.slow.predicted] == truth);
    heads.add(taught, labels[answer.executor.predicted] == truth);
    served.add(taught, labels[answer.decision.predicted] == truth);
  }
  return {slow.score(), heads.score(), served.score()};
}

Score Lifetime::alone(const engine::Graph& trainable, const Dataset& clips) const {
  const engine::Session session(trainable, parts_->drivers);
  const std::vector<std::string>& labels = learner_.labels();
  Tally tally;
  for (std::size_t i = 0; i < clips.size(); ++i) {
    const std::string& truth = clips.labels[clips.classes[i]];
    const auto answer = infer(clips.clips[i]);
    const std::vector<float>& latent = answer.rows.front().latent;
    const auto width = static_cast<std::int64_t>(latent.size());
    const Tensor input = Tensor::from<float>(engine::Shape{1, width}, latent);
    const Tensor logits = session.run(std::array{input}).front();
    tally.add(is_taught(truth), labels[argmax(logits.values<float>())] == truth);
  }
  return tally.score();
}

}  // namespace dormouse::bench
