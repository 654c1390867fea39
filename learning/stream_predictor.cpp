#include "learning/stream_predictor.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "learning/linoss_learner.h"
#include "learning/named_tensors.h"
#include "learning/number_rows.h"
#include "learning/running_scale.h"

namespace dormouse::learning {
namespace {

using engine::DType;
using engine::Tensor;

// In samples: how far back means and scales look.
constexpr double kLevelHorizon = 5000, kStepHorizon = 1000;
// Rounding errors of a constant are no steps: of its magnitude, so much is nothing.
constexpr double kRounding = 2.5e-7;
constexpr double kMostStep = 6;  // usual steps that the network is shown
constexpr double kMostSurprise = 1e6;
constexpr double kLeastResidual = 0.05;  // of a usual step: what is usually not foreseen is at least that
constexpr double kResumed = 8;           // samples after a gap before predictions are worth something
// Predictions that are so many usual steps off, on average, are those of a network that has run away.
constexpr double kRunAway = 3;
// Oscillators that remember for more than a few hundred samples make learning from a stream unstable.
constexpr OscillatorLimits kLimits{.stiffness = 1e-2, .damping = 1e-2};
constexpr std::size_t kCounters = 3;
constexpr const char *kLearner = "learner.", *kChannels = "channels", *kInput = "input", *kCounts = "counts";
constexpr const char* kOf = "the state of a stream's predictor";

float clipped(double value, double most) { return static_cast<float>(std::clamp(value, -most, most)); }

/// What is known of one channel. All numbers, so that its state is a row of them.
struct Channel {
  double last = 0;   ///< the last value there was
  double seen = 0;   ///< 1: there was one
  double there = 0;  ///< so many of the last samples had one, without a gap; up to kResumed
  double mean = 0;
  RunningScale deviation, step, residual;

  /// There is a prediction that is worth something.
  bool foretold() const { return there >= kResumed && step.count >= RunningScale::kFirst; }
  double least() const { return kRounding * std::max({std::abs(mean), std::abs(last), 1e-300}); }
  double usual_step() const { return std::max(step.value(), least()); }
  double usual_deviation() const { return std::max(deviation.value(), least()); }

  double step_to(double value) const { return std::abs(value - last) > least() ? value - last : 0; }
  void miss() { there = 0; }
  void add(double value) {
    const double away = value - mean;
    if (seen == 0) {
      mean = value;
    } else {
      if (there > 0) step.add(step_to(value), kStepHorizon, least());
      deviation.add(away, kLevelHorizon, least());
      const double most = RunningScale::kMost * usual_deviation();
      const bool first = deviation.count <= RunningScale::kFirst;
      mean += (first ? away : std::clamp(away, -most, most)) / (deviation.count + 1);
    }
    last = value;
    seen = 1;
    there = std::min(there + 1, kResumed);
  }
};
LinossOptions network(const StreamPredictor::Options& options) {
  return {.inputs = 2 * options.channels,
          .hidden = options.hidden,
          .oscillators = options.oscillators,
          .blocks = 1,
          .outputs = options.channels,
          .limits = kLimits};
}

/// The head is silent at first: the first prediction of a step is that there is none.
LinossWeights first_weights(const StreamPredictor::Options& options) {
  Random random(options.seed);
  LinossWeights weights = initial_weights(network(options), random);
  for (const char* name : {"head.weight", "head.bias"})
    weights[name] = Tensor(DType::f32, weights[name].shape());
  return weights;
}

LinossLearner learner_of(const StreamPredictor::Options& options) {
  return {network(options), first_weights(options), {.rate = options.rate, .drivers = options.drivers}};
}

}  // namespace

struct StreamPredictor::Parts {
  explicit Parts(const Options& given)
      : options(given),
        learner(learner_of(given)),
        channels(static_cast<std::size_t>(given.channels)),
        surprises(channels.size()),
        target(channels.size()),
        input(2 * channels.size()) {}

  Options options;
  LinossLearner learner;
  std::vector<Channel> channels;
  std::vector<Surprise> surprises;  ///< by the last sample
  std::vector<float> target;
  std::vector<float> input;  ///< of the network: the last sample's levels and steps
  std::uint64_t samples = 0, missing = 0, restarts = 0;

  /// Steps from the last sample to this one, in usual ones; where none is known, 0.
  void take_steps(std::span<const float> sample) {
    for (std::size_t c = 0; c < channels.size(); ++c) {
      const Channel& channel = channels[c];
      Surprise& surprise = surprises[c] = {};
      const double value = sample[c];
      surprise.known = std::isfinite(value) && channel.foretold();
      if (surprise.known)
        surprise.step = clipped(channel.step_to(value) / channel.usual_step(), kMostSurprise);
      target[c] = clipped(surprise.step, kMostStep);
    }
  }

  /// What the network said the steps would be, before it learns them.
  Tensor foretell() {
    try {
      return learner.step(input, target).answer;
    } catch (const Failure& failure) {
      if (failure.error().code != Errc::internal) throw;
      restart();
      return learner.step(input, target).answer;
    }
  }

  void restart() {
    learner = learner_of(options);
    for (Channel& channel : channels) channel.residual = {};
    ++restarts;
  }

  void judge(std::span<const float> foretold) {
    for (std::size_t c = 0; c < channels.size(); ++c) {
      Surprise& surprise = surprises[c];
      Channel& channel = channels[c];
      if (!surprise.known || (surprise.step == 0 && channel.step.square == 0)) continue;
      const double away = static_cast<double>(surprise.step) - clipped(foretold[c], kMostStep);
      const double usual = std::max(channel.residual.value(), kLeastResidual);
      surprise.residual = clipped(away / (channel.residual.count > 0 ? usual : 1), kMostSurprise);
      channel.residual.add(away, kStepHorizon, kLeastResidual);
    }
    const auto run_away = [](const Channel& channel) {
      return channel.residual.count > RunningScale::kFirst && channel.residual.value() > kRunAway;
    };
    if (std::ranges::any_of(channels, run_away)) restart();
  }

  void remember(std::span<const float> sample) {
    const std::size_t count = channels.size();
    for (std::size_t c = 0; c < count; ++c) {
      Channel& channel = channels[c];
      if (std::isfinite(sample[c])) {
        channel.add(sample[c]);
      } else {
        channel.miss();
        ++missing;
      }
      surprises[c].level = clipped((channel.last - channel.mean) / channel.usual_deviation(), kMostSurprise);
      input[c] = clipped(surprises[c].level, kMostStep);
      input[count + c] = target[c];
    }
    ++samples;
  }
};

StreamPredictor::StreamPredictor(const Options& options) : parts_(std::make_unique<Parts>(options)) {}
StreamPredictor::~StreamPredictor() = default;
StreamPredictor::StreamPredictor(StreamPredictor&&) noexcept = default;
StreamPredictor& StreamPredictor::operator=(StreamPredictor&&) noexcept = default;

std::span<const Surprise> StreamPredictor::observe(std::span<const float> sample) {
  Parts& parts = *parts_;
  ensure(sample.size() == parts.channels.size(), "a value for each channel");
  parts.take_steps(sample);
  if (parts.samples > 0) parts.judge(parts.foretell().values<float>());
  parts.remember(sample);
  return parts.surprises;
}

std::uint64_t StreamPredictor::samples() const { return parts_->samples; }
std::uint64_t StreamPredictor::missing() const { return parts_->missing; }
std::uint64_t StreamPredictor::restarts() const { return parts_->restarts; }

StreamPredictor::State StreamPredictor::state() const {
  State state;
  for (const auto& [name, tensor] : parts_->learner.progress()) state.emplace(kLearner + name, tensor);
  const auto count = [](std::uint64_t number) { return static_cast<std::int64_t>(number); };
  state.emplace(kChannels, engine::row_of(numbers_of(parts_->channels)));
  state.emplace(kInput, engine::row_of(parts_->input));
  state.emplace(kCounts,
                engine::row_of({count(parts_->samples), count(parts_->missing), count(parts_->restarts)}));
  return state;
}

void StreamPredictor::restore(const State& state) {
  const std::vector<Channel> channels = structs_of<Channel>(
      part(state, kChannels, DType::f64, kOf).values<double>(), parts_->channels.size(), kOf);
  const auto input = part(state, kInput, DType::f32, kOf).values<float>();
  const auto counts = part(state, kCounts, DType::i64, kOf).values<std::int64_t>();
  const bool sane = std::ranges::all_of(input, [](float x) { return std::abs(x) <= kMostStep; });
  if (input.size() != parts_->input.size() || counts.size() != kCounters || !sane)
    throw Failure(Errc::corrupt, std::string(kOf) + ": of other channels");
  LinossLearner::Progress progress;
  for (const auto& [name, tensor] : state)
    if (name.starts_with(kLearner)) progress.emplace(name.substr(std::strlen(kLearner)), tensor.clone());
  parts_->learner.restore(progress);
  parts_->channels = channels;
  parts_->input.assign(input.begin(), input.end());
  parts_->samples = static_cast<std::uint64_t>(counts[0]);
  parts_->missing = static_cast<std::uint64_t>(counts[1]);
  parts_->restarts = static_cast<std::uint64_t>(counts[2]);
}

}  // namespace dormouse::learning
