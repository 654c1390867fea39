#include "tests/bench/router/device.h"

#include <algorithm>
#include <map>

#include "daemon/verbs/graph_summary.h"
#include "drivers/all_drivers.h"
#include "engine/window.h"
#include "hrm/signals.h"
#include "tests/bench/samples.h"

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;
using engine::Tensor;
using learning::Dataset;

constexpr std::size_t kTogether = 100;  // of a batch, where nobody looks at the clock
constexpr std::size_t kNeighbours = 16;
constexpr std::uint32_t kUnknown = ~0u;

fs::path emptied(const fs::path& folder) {
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

daemon::ModelOptions model_options(const fs::path& model, std::int64_t channels) {
  daemon::ModelOptions options;
  options.name = model.stem().string();
  options.path = model;
  options.seed = (model.parent_path() / model.stem()).string() + ".seed.safetensors";
  options.stream = daemon::StreamOptions{.channels = channels};
  return options;
}

}  // namespace

/// One of the two models, as it is served.
struct Device::Side {
  Side(const fs::path& model, const fs::path& state, std::int64_t channels)
      : parts(daemon::load_model(model_options(model, channels), drivers::all_drivers())),
        store({emptied(state) / "dormouse.db", {}, ""}, clock),
        versions(state / "versions", files),
        learner(parts, night, store, &versions, {}),
        served(learner.served()) {}

  std::shared_ptr<const daemon::ModelParts> parts;
  SystemClock clock;
  memory::Store store;
  learning::Files files;
  learning::VersionStore versions;
  daemon::NightOptions night;
  daemon::Learner learner;
  daemon::Served served;
};

Device::Device(const Options& options, const Dataset& known)
    : options_(options), low_(std::make_unique<Side>(options.low, options.state / "low", options.channels)) {
  if (!options.high.empty())
    high_ = std::make_unique<Side>(options.high, options.state / "high", options.channels);
  remember(known, options.memory);
}

Device::~Device() = default;

Tensor Device::input(const Side& side, const Tensor& clip) const {
  return engine::window_input(clip.as(engine::DType::f32), *side.parts->window, side.parts->normaliser);
}

void Device::remember(const Dataset& known, std::size_t count) {
  if (count == 0) return;
  const std::size_t each = count / known.labels.size();
  std::vector<std::size_t> taken(known.labels.size());
  auto index = std::make_shared<memory::VectorIndex>(low_->parts->learnable->latent_size, count);
  memory::EpisodeId id = 0;
  for (std::size_t i = 0; i < known.size() && id < count; ++i) {
    if (taken[known.classes[i]]++ >= each) continue;
    const auto outputs = low_->served.model->session->run(std::array{input(*low_, known.clips[i])});
    do ++id;
    while (memory::is_held_out(id));
    const memory::IndexRow row{
        .id = id, .label = static_cast<std::uint32_t>(known.classes[i]), .labelled = true};
    if (!index->load(row, memory::quantise(outputs.back().values<float>()))) break;
  }
  low_->served.index = std::move(index);
}

std::vector<Exit> Device::exits(const Dataset& data) const {
  // The data's number of each label that the models know.
  std::map<std::string, std::uint32_t> numbers;
  for (std::size_t i = 0; i < data.labels.size(); ++i)
    numbers[data.labels[i]] = static_cast<std::uint32_t>(i);
  const auto number = [&](const Side& side, std::size_t predicted) {
    const auto found = numbers.find(side.served.model->labels[predicted]);
    return found == numbers.end() ? kUnknown : found->second;
  };
  hrm::RouterOptions always = options_.router;
  always.accept = 2;
  std::vector<Exit> exits(data.size());
  for (std::size_t begin = 0; begin < data.size(); begin += kTogether) {
    const std::size_t end = std::min(data.size(), begin + kTogether);
    std::vector<Tensor> low, high;
    for (std::size_t i = begin; i < end; ++i) {
      low.push_back(input(*low_, data.clips[i]));
      if (high_) high.push_back(input(*high_, data.clips[i]));
    }
    const auto cheap = daemon::infer(
        {.served = low_->served, .planner = {}, .router = always, .inputs = {engine::stack(low)}});
    std::vector<daemon::RowAnswer> dear;
    if (high_)
      dear = daemon::infer(
                 {.served = high_->served, .planner = {}, .router = {}, .inputs = {engine::stack(high)}})
                 .rows;
    for (std::size_t i = begin; i < end; ++i) {
      const daemon::RowAnswer& row = cheap.rows[i - begin];
      const Tensor logits = cheap.outputs.front().rows(static_cast<std::int64_t>(i - begin), 1);
      const daemon::Recalled recalled =
          daemon::recall(low_->served, row.latent, kNeighbours, {.without_held_out = true});
      Exit& exit = exits[i];
      exit.truth = static_cast<std::uint32_t>(data.classes[i]);
      exit.low = number(*low_, row.executor.predicted);
      exit.hybrid = number(*low_, row.decision.predicted);
      exit.high = high_ ? number(*high_, dear[i - begin].executor.predicted) : kUnknown;
      exit.signals = row.signals;
      exit.hybrid_signals =
          hrm::signals_of(row.decision.probabilities, logits.values<float>(),
                          {recalled.neighbours, recalled.concepts}, low_->served.typical_distance);
      exit.confidence = row.executor.confidence;
      exit.novelty = row.novelty;
    }
  }
  return exits;
}

Macs Device::macs() const {
  const auto of = [](const Side& side) {
    const double classes = static_cast<double>(side.served.model->labels.size());
    const double width = static_cast<double>(side.parts->learnable->latent_size);
    return static_cast<double>(daemon::summarise(side.parts->graph).macs.value_or(0)) +
           (side.served.model->fast ? classes * (width + 1) : 0);
  };
  const double width = static_cast<double>(low_->parts->learnable->latent_size);
  const double rows = static_cast<double>(low_->served.index->size());
  const double again = std::min(rows, 4.0 * kNeighbours);  // scored in full precision
  return {of(*low_), width * (rows + again + static_cast<double>(low_->served.concepts->size())),
          high_ ? of(*high_) : 0};
}

Times Device::times(const Dataset& data, std::size_t requests) const {
  Samples model, low, high;
  for (std::size_t i = 0; i < std::min(requests, data.size()); ++i) {
    daemon::InferenceJob job{.served = low_->served,
                             .planner = {},
                             .router = options_.router,
                             .inputs = {input(*low_, data.clips[i])}};
    model.time([&] { low_->served.model->session->run(job.inputs); });
    daemon::InferenceResult answered;
    low.time([&] { answered = daemon::infer(job); });
    if (!high_) continue;
    job.inputs = {input(*high_, data.clips[i])};
    job.planner = high_->served;
    high.add(daemon::ask_high(job, answered.rows.front()).time);
  }
  return {model.median(), low.median(), high_ ? high.median() : 0};
}

}  // namespace dormouse::bench
