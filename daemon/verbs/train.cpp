#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <iomanip>
#include <iostream>

#include "config/text.h"
#include "daemon/report/training_curve.h"
#include "daemon/service/class_labels.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/infer_local.h"
#include "daemon/verbs/resources.h"
#include "daemon/verbs/train_progress.h"
#include "drivers/all_drivers.h"
#include "engine/formats/atomic_file.h"
#include "engine/formats/onnx.h"
#include "learning/train.h"

namespace dormouse::daemon {
namespace {

constexpr Option kOptions[] = {
    {"output", "FILE", "where the model goes (MODEL.onnx); seed memory, checkpoint and curve go beside it"},
    {"labels", "A,B,…", "only these labels, in this order (else every one in DATA, sorted)"},
    {"label", "COLUMN", "of a table or npz, what is to be known (label)"},
    {"group", "COLUMN", "of a table or npz, who it comes from: no one is in training and validation both"},
    {"options", "FILE", "how to train, instead of the spec's `train` section"},
    {"epochs", "N", "instead of the spec's"},
    {"rate", "R", "of learning, instead of the spec's"},
    {"seed", "N", "of the random numbers, instead of the spec's"},
    {"trainable", "WORDS",
     "of an ONNX model: head.* (the default), all, lora(RANK), or names, as conv2.*,fc.weight"},
    {"inputs", "N", "keep so many raw inputs of every class, so that nights may move the trunk (0)"},
    {"threads", "N",
     "work together on an update (else 1); the same number gives the same model, bit for bit"},
    {"memory", "SIZE",
     "that an update may take, as 64MiB: what does not fit is computed twice instead of kept"},
    {"resume", "", "go on from the checkpoint, where there is one"}};

constexpr double kFineTuningRate = 0.01;

/// The file beside the model that ends in `extension`.
std::string beside(const std::filesystem::path& model, std::string_view extension) {
  return (model.parent_path() / model.stem()).string() + std::string(extension);
}

learning::TrainOptions options_of(const Arguments& arguments, learning::TrainOptions options) {
  if (const auto file = arguments.value("options"))
    options = config::read<learning::TrainOptions>(config::load_file(*file), options);
  options.epochs = arguments.integer("epochs").value_or(options.epochs);
  if (const auto rate = arguments.number("rate", "a number above 0", [](double r) { return r > 0; }))
    options.rate = static_cast<decltype(options.rate)>(*rate);
  if (const auto memory = memory_of(arguments)) options.memory = memory;
  options.seed =
      static_cast<std::uint64_t>(arguments.integer("seed").value_or(static_cast<std::int64_t>(options.seed)));
  return options;
}

/// A word of parse_trainable(), or names and patterns of parameters anywhere in the model.
learning::Trainable trainable_of(const std::string& words) {
  if (const auto known = learning::parse_trainable(words)) return *known;
  if (words.empty() || words.find('(') != std::string::npos)
    throw UsageError{
        "--trainable takes head.*, all, lora(RANK) with a rank from 2 to 256, or names of parameters"};
  return {.patterns = config::split_list(words), .anywhere = true};
}

TrainDisplay::Mode mode_of(const Arguments& arguments) {
  if (arguments.json()) return TrainDisplay::Mode::json;
  return ::isatty(STDERR_FILENO) ? TrainDisplay::Mode::bar : TrainDisplay::Mode::text;
}

/// Trains what the command line names, telling how it goes.
class Training {
 public:
  explicit Training(const Arguments& arguments)
      : arguments_(arguments), source_(arguments.positional(0, "MODEL")) {
    run_.inputs_per_class =
        static_cast<std::size_t>(std::max<std::int64_t>(0, arguments.integer("inputs").value_or(0)));
    run_.resume = arguments.flag("resume");
  }

  learning::TrainedModel train() { return source_.ends_with(".onnx") ? from_model() : from_spec(); }
  const std::string& output() const { return output_; }
  bool keeps_inputs() const { return run_.inputs_per_class > 0; }

 private:
  learning::Dataset data(std::vector<std::string> labels) const {
    if (const auto chosen = arguments_.value("labels")) labels = config::split_list(*chosen);
    return learning::read_dataset(arguments_.positional(1, "DATA"), std::move(labels),
                                  {arguments_.value_or("label", "label"), arguments_.value_or("group", "")});
  }

  /// The display on which epochs and updates are shown.
  learning::TrainReport start(const std::string& output, const learning::TrainOptions& options) {
    output_ = output;
    run_.checkpoint = beside(output, ".checkpoint.safetensors");
    display_.emplace(mode_of(arguments_), static_cast<std::size_t>(options.batch));
    run_.on_update = [this](const learning::TrainProgress& progress) {
      std::cerr << display_->update(progress, elapsed()) << std::flush;
    };
    return [this](const learning::TrainProgress& progress) {
      (arguments_.json() ? std::cout : std::cerr) << display_->epoch(progress, elapsed()) << std::flush;
    };
  }

  /// Drivers that spread an update over as many threads as are asked for.
  std::span<const engine::Driver* const> sharing() const {
    return drivers::busy_drivers(threads_of(arguments_));
  }

  TrainDisplay::Seconds elapsed() const { return std::chrono::steady_clock::now() - begun_; }

  learning::TrainedModel from_spec() {
    learning::ModelSpec spec = learning::read_model_spec(source_);
    spec.train = options_of(arguments_, spec.train);
    const auto report = start(arguments_.value_or("output", spec.name + ".onnx"), spec.train);
    return learning::train_model(spec, data(spec.labels), sharing(), report, run_);
  }

  learning::TrainedModel from_model() {
    const learning::Trainable trainable = trainable_of(arguments_.value_or("trainable", "head.*"));
    learning::TrainOptions options;
    options.rate = kFineTuningRate;
    options = options_of(arguments_, options);
    const engine::Graph graph = engine::read_onnx(source_);
    const auto report = start(arguments_.value_or("output", beside(source_, ".tuned.onnx")), options);
    return learning::fine_tune(graph, data(known_labels(graph)), trainable, normaliser_beside(source_),
                               options, sharing(), report, run_);
  }

  /// The model's own classes in its order, unless the data is to bring others.
  std::vector<std::string> known_labels(const engine::Graph& graph) const {
    if (arguments_.value("labels")) return {};
    const std::vector<std::string> own = class_labels(graph, source_).names;
    const learning::Dataset all = data({});
    const bool same = own.size() == all.labels.size() && std::ranges::is_permutation(own, all.labels);
    return same ? own : std::vector<std::string>{};
  }

  const Arguments& arguments_;
  std::string source_, output_;
  learning::TrainRun run_;
  std::optional<TrainDisplay> display_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

void print(const Arguments& arguments, const learning::TrainedModel& trained, const std::string& output) {
  const std::string seed = beside(output, ".seed.safetensors"), curve = beside(output, ".svg");
  if (arguments.json()) {
    boost::json::object result{
        {"model", output}, {"seed", seed}, {"curve", curve}, {"heldout_accuracy", trained.heldout_accuracy}};
    if (trained.test) result["test_accuracy"] = trained.test->accuracy();
    std::cout << boost::json::serialize(result) << "\n";
    return;
  }
  std::cout << output << " and " << seed << ": " << std::fixed << std::setprecision(1)
            << 100 * trained.heldout_accuracy << "% of " << trained.seed.heldout.size() << " held-out clips";
  if (trained.test)
    std::cout << ", " << 100 * trained.test->accuracy() << "% of " << trained.test->total() << " test clips";
  std::cout << "; the curve is " << curve << "\n";
}

int run(const Arguments& arguments) {
  Training training(arguments);
  const learning::TrainedModel trained = training.train();
  const std::string& output = training.output();
  engine::write_onnx(trained.graph, output);
  const std::string seed = beside(output, ".seed.safetensors");
  if (training.keeps_inputs())
    learning::write_seed(seed, trained.seed, trained.inputs);
  else
    learning::write_seed(seed, trained.seed);
  engine::write_file(beside(output, ".svg"), training_curve(trained.epochs, output));
  print(arguments, trained, output);
  return kOk;
}

}  // namespace

extern const Verb train_verb{
    .name = "train",
    .group = "learn",
    .summary = "train a specified model, or fine-tune one, on labelled data: ONNX and seed memory",
    .arguments = "SPEC.yaml|MODEL.onnx DATA [--output FILE.onnx]",
    .example = "dormouse train words.yaml recordings/ --output words.onnx",
    .options = kOptions,
    .run = run};

}  // namespace dormouse::daemon
