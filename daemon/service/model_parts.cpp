#include "daemon/service/model_parts.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "config/log.h"
#include "config/text.h"
#include "drivers/digest.h"
#include "engine/footprint.h"
#include "engine/formats/all_formats.h"
#include "learning/linear_layer.h"
#include "learning/step.h"

namespace dormouse::daemon {
namespace {

using engine::Graph;
using engine::ValueId;

std::string metadata(const Graph& graph, std::string_view key) {
  const auto found = std::ranges::find(graph.metadata, key, &std::pair<std::string, std::string>::first);
  return found == graph.metadata.end() ? "" : found->second;
}

[[noreturn]] void misfit(const ModelOptions& options, std::string_view key, const std::string& what) {
  throw complaint(options.said, key, "model " + options.name + " (" + options.path.string() + "): " + what);
}

constexpr std::size_t kNamed = 8;

/// Values that somebody may have meant by `name`: rows of numbers, as an exit or a cut is.
std::string others_for(const Graph& graph, const std::string& name) {
  std::vector<std::string_view> names;
  for (const engine::Node& node : graph.nodes())
    for (const ValueId output : node.outputs) {
      if (output == engine::kAbsent) continue;
      const engine::ValueInfo& value = graph.value(output);
      if (value.dtype == engine::DType::f32 && value.shape_known && value.shape.rank() == 2 &&
          !value.name.empty())
        names.push_back(value.name);
    }
  if (names.empty()) return "";
  if (auto near = config::did_you_mean(name, names); !near.empty()) return near;
  const std::size_t left_out = names.size() > kNamed ? names.size() - kNamed : 0;
  return std::string("; there is ") + (left_out > 0 ? "…, " : "") +
         config::join(std::span(names).subspan(left_out));
}

/// Nothing of the graph but what the exit needs.
void leave_at(const ModelOptions& options, Graph& graph) {
  const auto found = graph.find(options.exit);
  if (!found)
    misfit(options, "exit",
           "has no value called '" + options.exit + "' to exit at" + others_for(graph, options.exit));
  auto metadata = std::move(graph.metadata);
  graph = engine::extract(graph, graph.inputs(), std::array{*found});
  std::erase_if(metadata,
                [](const auto& entry) { return entry.first == "dormouse.cut"; });  // may lie behind it
  graph.metadata = std::move(metadata);
}

ValueId cut_of(const ModelOptions& options, const Graph& graph) {
  const std::string name = options.cut.empty() ? metadata(graph, "dormouse.cut") : options.cut;
  if (!name.empty()) {
    const auto found = graph.find(name);
    if (!found)
      misfit(options, "cut", "has no value called '" + name + "' to cut at" + others_for(graph, name));
    return *found;
  }
  const auto head = learning::linear_layer_to(graph, graph.outputs()[0]);
  if (!head)
    misfit(options, "labels",
           "its first output does not come from a linear layer; name the cut in the configuration, or leave "
           "out the labels");
  return head->input;
}

/// Those of the configuration, else those of the file.
ClassLabels labels_of(const ModelOptions& options, const Graph& graph) {
  ClassLabels labels = class_labels(graph, options.path.string());
  if (options.labels.empty()) return labels;
  if (!labels.empty() && labels.names.size() != options.labels.size())
    misfit(options, "labels",
           "labels name " + std::to_string(options.labels.size()) + " classes, the file " +
               std::to_string(labels.names.size()) + "; name as many, or none, and the file's are taken");
  labels.names = options.labels;
  return labels;
}

/// A classifier whose first output is its answer, a class a row, and not the scores that a head learns from.
bool answers_itself(const Graph& graph) {
  const engine::ValueInfo& first = graph.value(graph.outputs()[0]);
  return first.dtype == engine::DType::i64 && first.shape_known && first.shape.rank() == 1;
}

learning::Seed read_seed(const ModelOptions& options) {
  try {
    return learning::read_seed(options.seed);
  } catch (const Failure& failure) {
    throw unusable(options.said, "seed", "model " + options.name, failure);
  }
}

learning::Seed seed_of(const ModelOptions& options, const Learnable& learnable) {
  learning::Seed seed = read_seed(options);
  if (seed.labels != learnable.labels)
    misfit(options, "seed", "the seed " + options.seed.string() + " knows other labels than the model");
  if (seed.latent_size() != learnable.latent_size)
    misfit(options, "seed",
           "the seed " + options.seed.string() + " has latents of " + std::to_string(seed.latent_size()) +
               " elements, the cut has " + std::to_string(learnable.latent_size));
  return seed;
}

/// Freezes and adapts as the configuration says.
void apply_trainable(const ModelOptions& options, Graph& graph, const Learnable& learnable) {
  std::optional<learning::LatentScale> scale;
  if (learnable.seed) scale = learning::scale_of(learnable.seed->statistics, learnable.latent_size);
  try {
    learning::apply(graph, learnable.cut, options.trainable, scale ? &*scale : nullptr);
  } catch (const Failure& failure) {
    misfit(options, "trainable", failure.error().context);
  }
}

/// A model is asked as it was trained on only where its seed is named.
void mention_seed(const ModelOptions& options) {
  const std::filesystem::path seed = learning::seed_beside(options.path);
  if (!options.seed.empty() || seed.empty()) return;
  log(Level::warning, "model " + options.name + ": " + seed.string() +
                          " lies beside it and is not named (seed: FILE): what is measured is not normalised "
                          "as in training, and nights have nothing to rehearse");
}

Learnable learnable_of(const ModelOptions& options, Graph& graph, std::vector<std::string> labels) {
  Learnable learnable;
  const engine::ValueInfo& logits = graph.value(graph.outputs()[0]);
  if (logits.dtype != engine::DType::f32 || logits.shape.rank() != 2 ||
      logits.shape[1] != static_cast<std::int64_t>(labels.size()))
    misfit(options, "labels",
           "labels name " + std::to_string(labels.size()) + " classes, but its first output is " +
               std::string(word(logits.dtype)) + " " + to_string(logits.shape));
  learnable.cut = cut_of(options, graph);
  const engine::ValueInfo& latent = graph.value(learnable.cut);
  if (latent.dtype != engine::DType::f32 || latent.shape.rank() != 2 || latent.shape[1] <= 0)
    misfit(options, "cut",
           "the cut '" + latent.name + "' is " + to_string(latent.shape) + "; it must be [batch, features]");
  learnable.latent_size = static_cast<std::size_t>(latent.shape[1]);
  learnable.labels = std::move(labels);
  if (!options.seed.empty()) {
    learnable.seed = seed_of(options, learnable);
    learnable.seed_inputs = learning::read_seed_inputs(options.seed, learnable.labels.size());
  }
  apply_trainable(options, graph, learnable);
  learnable.trainable = engine::extract(graph, std::array{learnable.cut}, std::array{graph.outputs()[0]});
  return learnable;
}

/// Clips fit a model with one f32 input; a configured stream must fit, otherwise one channel is tried.
std::optional<engine::WindowShape> window_of(const ModelOptions& options, const Graph& graph) {
  const bool one_input =
      graph.inputs().size() == 1 && graph.value(graph.inputs()[0]).dtype == engine::DType::f32;
  if (!one_input) {
    if (options.stream) misfit(options, "stream", "a stream needs a model with one f32 input");
    return std::nullopt;
  }
  const engine::Shape& input = graph.value(graph.inputs()[0]).shape;
  if (!options.stream) {
    const bool plain = input.rank() == 2 && input[1] > 0;
    return plain ? std::optional(engine::window_shape(input, 1)) : std::nullopt;
  }
  const auto window = [&] {
    try {
      return engine::window_shape(input, options.stream->channels);
    } catch (const Failure& failure) {
      misfit(options, "stream", failure.error().context);
    }
  }();
  if (options.stream->window != 0 && options.stream->window != window.rows)
    misfit(options, "stream",
           "stream.window is " + std::to_string(options.stream->window) + " rows, the model takes " +
               std::to_string(window.rows));
  return window;
}

/// What does not fit is told before any of it is taken.
class Budget {
 public:
  Budget(const ModelParts& parts, std::size_t allowed) : parts_(parts), allowed_(allowed) {}

  /// Of the process's memory, which is that of most boards' GPU, too.
  engine::Footprint needed(std::span<const engine::Driver* const> drivers) const {
    return engine::foresee(parts_.graph, engine::least_shapes(parts_.graph), drivers);
  }
  bool fits(const engine::Footprint& needed) const { return needed.total() <= allowed_; }
  std::string trouble(const engine::Footprint& needed) const {
    return "needs " + megabytes(needed.total()) + " of memory (weights " +
           megabytes(needed.copied + needed.packed) + ", the rest for one input), and its memory_budget is " +
           megabytes(allowed_);
  }

 private:
  static std::string megabytes(std::size_t bytes) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f MB", static_cast<double>(bytes) / 1e6);
    return text;
  }

  const ModelParts& parts_;
  std::size_t allowed_;
};

/// The drivers that the choice names, within the model's budget. One that leaves the choice to us goes
/// without the GPU where that would need more.
std::vector<const engine::Driver*> drivers_within_budget(const ModelParts& parts,
                                                         const drivers::DriverTable& drivers,
                                                         drivers::Choice choice) {
  using drivers::Choice;
  std::vector<const engine::Driver*> chosen = drivers.chosen(choice);
  if (!parts.options.memory_budget) return chosen;
  const Budget budget(parts, parts.options.memory_budget->count);
  const bool may_choose = choice == Choice::automatic && drivers.gpu;
  const std::vector<const engine::Driver*> cpu = drivers.chosen(Choice::cpu);
  if (const engine::Footprint needed = budget.needed(may_choose ? cpu : chosen); !budget.fits(needed))
    misfit(parts.options, "memory_budget",
           budget.trouble(needed) + "; raise it, or take a smaller model (dormouse inspect " +
               parts.options.path.string() + " --memory says what takes how much)");
  if (!may_choose) return chosen;
  const engine::Footprint needed = budget.needed(drivers.chosen(Choice::vulkan));
  if (budget.fits(needed)) return chosen;
  log(Level::warning,
      "model '" + parts.options.name + "' is left to the CPU: on the GPU it " + budget.trouble(needed));
  return cpu;
}

bool normalises(const ModelOptions& options) {
  return !options.stream || options.stream->normalise == StreamOptions::Normalise::seed;
}

using Files = std::vector<std::shared_ptr<const engine::Buffer>>;

/// ModelParts::file.
std::string file_of(const ModelParts& parts, const Files& files) {
  drivers::Digester digest(drivers::Digester::kOpen);
  for (const auto& file : files) digest.add({file->data(), file->size()});
  digest.add(parts.options.exit);
  digest.add(parts.learnable ? parts.graph.value(parts.learnable->cut).name : "");
  return digest.finish().hex();
}

/// ModelParts::identity.
std::string identity_of(const ModelOptions& options, const std::string& file, const ClassLabels& labels) {
  drivers::Digester digest(drivers::Digester::kOpen);
  digest.add(file);
  if (!options.seed.empty()) {
    const auto seed = engine::map_file(options.seed.string());
    digest.add({seed->data(), seed->size()});
  }
  digest.add(static_cast<std::uint64_t>(options.steps.value_or(0)));
  digest.add(static_cast<std::uint64_t>(options.fast));
  digest.add(static_cast<std::uint64_t>(normalises(options)));
  for (const std::string& label : labels.names) digest.add(label);
  return digest.finish().hex();
}

constexpr std::int64_t kStepsForAClass = 16;  // a thought of one cell is not over after one step

/// What a planner's step is served as: it is given x, keeps z to itself, and its answer is the class of each
/// cell.
void serve_looped(ModelParts& parts) {
  const ModelOptions& options = parts.options;
  const char* const key = !options.planner.empty() ? "planner"
                          : options.batching       ? "batching"
                          : options.stream         ? "stream"
                          : !options.seed.empty()  ? "seed"
                                                   : nullptr;
  if (key)
    misfit(options, key,
           "is a planner's step, which is looped for one input at a time: it takes no planner, "
           "batching, stream or seed");
  const TensorSpec logits = parts.outputs.size() == 3 ? parts.outputs[1] : TensorSpec{};
  const bool one = logits.shape.rank() == 2;
  parts.answers = labels_of(options, parts.graph);
  const auto classes = static_cast<std::int64_t>(parts.answers.names.size());
  if (classes > 0 && (!one || logits.shape[1] != classes))
    misfit(options, "labels",
           "labels name " + std::to_string(classes) + " classes, but its logits are " +
               to_string(logits.shape) + ", and only those of one class a row have labels");
  parts.thinker =
      std::make_shared<Thinker>(Thinker{hrm::Planner(parts.graph, parts.drivers), parts.answers.names,
                                        options.steps.value_or(one ? kStepsForAClass : 0)});
  std::vector<std::int64_t> cells{logits.shape[0]};
  for (std::size_t axis = 2; axis < logits.shape.rank(); ++axis) cells.push_back(logits.shape[axis]);
  parts.inputs.resize(1);
  parts.outputs = {{"answer", engine::DType::i64, engine::Shape(std::move(cells))}};
}

}  // namespace

std::shared_ptr<const ModelParts> load_model(const ModelOptions& options, const drivers::DriverTable& drivers,
                                             drivers::Choice otherwise) {
  auto parts = std::make_shared<ModelParts>();
  parts->options = options;
  parts->graph = engine::load_graph(options.path.string());
  const Files files = std::exchange(parts->graph.files, {});
  if (!options.exit.empty()) leave_at(options, parts->graph);
  parts->inputs = input_specs(parts->graph);
  parts->outputs = output_specs(parts->graph);
  parts->drivers = drivers_within_budget(*parts, drivers, options.driver.value_or(otherwise));
  if (hrm::Planner::is_step(parts->graph)) {
    serve_looped(*parts);
    parts->file = file_of(*parts, files);
    parts->identity = identity_of(options, parts->file, parts->answers);
    return parts;
  }
  if (options.steps)
    misfit(options, "steps",
           "'steps' is for a planner's step, as dormouse new hrm makes it, and this is none: leave it out");
  parts->window = window_of(options, parts->graph);
  ClassLabels labels = labels_of(options, parts->graph);
  if (answers_itself(parts->graph) || labels.empty()) {
    parts->answers = std::move(labels);
  } else {
    parts->learnable = learnable_of(options, parts->graph, labels.names);
    mention_seed(options);
    parts->file = file_of(*parts, files);
    parts->identity = identity_of(options, parts->file, labels);
  }
  if (normalises(options) && parts->learnable && parts->learnable->seed)
    parts->normaliser = parts->learnable->seed->normaliser;
  const auto measured = std::ssize(parts->normaliser.mean);
  if (options.stream && measured > 1 && measured != parts->window->channels &&
      measured != parts->window->rows * parts->window->channels)
    misfit(options, "stream",
           "stream.channels is " + std::to_string(parts->window->channels) + ", and its seed normalises " +
               std::to_string(measured) + "; set channels to that, or normalise: none");
  return parts;
}

engine::Tensor clip_input(const ModelParts& parts, const engine::Tensor& clip) {
  if (parts.inputs.size() != 1 || parts.inputs[0].dtype != engine::DType::f32)
    throw Failure(Errc::invalid, "model '" + parts.options.name + "' takes no clips: it needs one f32 input");
  const engine::Shape& input = parts.inputs[0].shape;
  const bool row = clip.shape().rank() == 2 && input.rank() == 2 && clip.shape()[1] == input[1];
  if (parts.options.stream && !row) return engine::window_input(clip, *parts.window, parts.normaliser);
  return engine::recording_input(clip, input, parts.normaliser);
}

std::vector<engine::Tensor> inputs_of(const ModelParts& parts, const InferRequest& request, bool clip) {
  if (!clip) return bind_inputs(request, parts.inputs);
  if (request.inputs.size() != 1 || request.inputs[0].tensor.dtype() != engine::DType::f32)
    throw Failure(Errc::invalid, "a clip is one FP32 input of shape [time, channels]");
  return {clip_input(parts, request.inputs[0].tensor)};
}

std::optional<engine::KernelSeat> open_kernel(const ModelParts& parts, const learning::Version* version) {
  if (!version || !version->kernel) return std::nullopt;
  engine::KernelSeat seat = version->kernel->open();
  if (seat.head->classes() != version->labels.size() ||
      seat.head->latent_size() != parts.learnable->latent_size)
    throw Failure(Errc::corrupt, parts.options.name + ": the kernel head of version " +
                                     std::to_string(version->number) + " is of another model");
  return seat;
}

engine::Graph trainable_of(const ModelParts& parts, const learning::Version* version) {
  if (!version) return parts.learnable->trainable;
  const Graph whole = learning::with_parameters(parts.graph, version->weights);
  return engine::extract(whole, std::array{parts.learnable->cut}, std::array{whole.outputs()[0]});
}

namespace {

/// Plans and packs for a batch of one before the first request. Where more than the batch varies only the
/// request knows the shape.
void warm_up(const engine::Session& session, std::span<const TensorSpec> inputs) {
  std::vector<engine::Tensor> zeros;
  for (const TensorSpec& input : inputs) {
    engine::Shape shape = input.shape;
    if (shape.rank() > 0 && shape[0] == engine::kDynamic) shape[0] = 1;
    if (!shape.is_static()) return;
    zeros.emplace_back(input.dtype, shape);
  }
  session.run(zeros);
}

/// The same of a planner's step.
void warm_up(const hrm::Planner& planner, const TensorSpec& input) {
  engine::Shape shape = input.shape;
  if (shape[0] == engine::kDynamic) shape[0] = 1;
  if (!shape.is_static()) return;
  hrm::Thought thought = planner.begin(engine::Tensor(input.dtype, shape));
  planner.think(thought, {.steps = 1, .verify = false});
}

}  // namespace

std::shared_ptr<const engine::Session> open_session(const ModelParts& parts,
                                                    const learning::Version* version) {
  if (parts.thinker) {
    warm_up(parts.thinker->planner, parts.inputs.front());
    return parts.thinker->planner.session();
  }
  Graph graph = parts.graph;
  if (version) graph = learning::with_parameters(std::move(graph), version->weights);
  if (parts.learnable) {
    auto outputs = graph.outputs();
    outputs.push_back(parts.learnable->cut);
    graph.set_outputs(std::move(outputs));
  }
  try {
    auto session = std::make_shared<engine::Session>(std::move(graph), parts.drivers);
    warm_up(*session, parts.inputs);
    return session;
  } catch (const Failure& failure) {
    if (version) throw;
    throw unusable(parts.options.said, "path",
                   "model " + parts.options.name + " (" + parts.options.path.string() + ")", failure);
  }
}

}  // namespace dormouse::daemon
