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
#include "daemon/verbs/halting.h"
#include "daemon/verbs/infer_local.h"
#include "daemon/verbs/number_evaluation.h"
#include "daemon/verbs/resources.h"
#include "daemon/verbs/train_progress.h"
#include "engine/formats/atomic_file.h"
#include "engine/formats/onnx.h"
#include "hrm/planner.h"
#include "learning/number_data.h"
#include "learning/planner_training.h"
#include "learning/train.h"

namespace dormouse::daemon {
namespace {

constexpr Option kOptions[] = {
    {"output", "FILE", "where the model goes (MODEL.onnx); seed memory, checkpoint and curve go beside it"},
    {"labels", "A,B,…", "only these labels, in this order (else every one in DATA, sorted)"},
    {"label", "COLUMN", "of a table or npz, what is to be known (label); several columns of numbers: A,B,…"},
    {"group", "COLUMN", "of a table or npz, who it comes from: no one is in training and validation both"},
    {"options", "FILE", "how to train, instead of the spec's `train` section"},
    {"epochs", "N", "instead of the spec's"},
    {"rate", "R", "of learning, instead of the spec's"},
    {"seed", "N", "of the random numbers, instead of the spec's"},
    {"trainable", "WORDS",
     "of an ONNX model: head.* (the default), all, lora(RANK), or names, as conv2.*,fc.weight"},
    {"teacher", "FILE",
     "an ONNX classifier of the same labels, whose soft answers are learnt, too (distillation)"},
    {"temperature", "T", "at which student and teacher are compared, instead of the spec's (2)"},
    {"teacher-weight", "W", "the teacher's share of the loss from 0 to 1, instead of the spec's (0.7)"},
    {"task", "TASK", "of an ONNX model that does not say: regression, its answers are numbers"},
    {"inputs", "N", "keep so many raw inputs of every class, so that nights may move the trunk (0)"},
    {"threads", "N",
     "work together on an update (else 1); the same number gives the same model, bit for bit"},
    {"memory", "SIZE",
     "that an update may take, as 64MiB: what does not fit is computed twice instead of kept"},
    kDriverOption,
    kDeviceOption,
    {"target-error", "E",
     "of a planner: the share of wrong answers that its halting head may stop at (0.01)"},
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
  learning::DistillationOptions& distillation = options.distillation;
  if (const auto teacher = arguments.value("teacher")) distillation.teacher = *teacher;
  constexpr auto kIsTemperature = [](double t) { return t >= 0.1 && t <= 100; };
  constexpr auto kIsShare = [](double share) { return share >= 0 && share <= 1; };
  distillation.temperature = arguments.number("temperature", "a number from 0.1 to 100", kIsTemperature)
                                 .value_or(distillation.temperature);
  distillation.weight =
      arguments.number("teacher-weight", "a share from 0 to 1", kIsShare).value_or(distillation.weight);
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
  learning::TrainedPlanner train_planner() {
    learning::PlannerSpec spec = learning::read_planner_spec(source_);
    spec.train = options_of(arguments_, spec.train);
    const auto report = start(arguments_.value_or("output", spec.name + ".onnx"), spec.train, false);
    const learning::PuzzleSource data(*spec.puzzle, arguments_.positional(1, "DATA"));
    return learning::train_planner(spec, data, sharing(), report, run_);
  }
  /// A planner's file: there is nothing to train, but its halting head is tested anew.
  learning::TrainedPlanner read_planner() {
    output_ = arguments_.value_or("output", beside(source_, ".tuned.onnx"));
    return {engine::read_onnx(source_), 0, {}};
  }
  bool of_step() const {
    return source_.ends_with(".onnx") && hrm::Planner::is_step(engine::read_onnx(source_));
  }
  bool of_planner() const { return !source_.ends_with(".onnx") && learning::is_planner_spec(source_); }
  const std::string& output() const { return output_; }
  bool keeps_inputs() const { return run_.inputs_per_class > 0; }

 private:
  learning::Dataset data(std::vector<std::string> labels) const {
    if (const auto chosen = arguments_.value("labels")) labels = config::split_list(*chosen);
    return learning::read_dataset(arguments_.positional(1, "DATA"), std::move(labels),
                                  {arguments_.value_or("label", "label"), arguments_.value_or("group", "")});
  }

  /// Which columns of the data are what, as far as the command line says.
  learning::NumberColumns columns(std::vector<std::string> inputs, std::vector<std::string> targets) const {
    if (targets.empty()) targets = config::split_list(arguments_.value_or("label", ""));
    return {std::move(inputs), std::move(targets), arguments_.value_or("group", "")};
  }

  learning::Dataset data_for(const learning::ModelSpec& spec) const {
    const std::string& file = arguments_.positional(1, "DATA");
    if (spec.task == learning::TaskKind::classification) return data(spec.labels);
    const learning::NumberColumns named = columns(spec.columns, spec.targets);
    if (spec.task == learning::TaskKind::regression) return learning::read_numbers(file, named);
    return learning::read_windows(file, named, {spec.rows, spec.horizon, spec.train.stride});
  }

  /// The display on which epochs and updates are shown.
  learning::TrainReport start(const std::string& output, const learning::TrainOptions& options,
                              bool numbers) {
    output_ = output;
    if (!options.distillation.teacher.empty()) {
      const std::string file = options.distillation.teacher.string();
      engine::Graph graph = engine::read_onnx(file);
      std::vector<std::string> labels = class_labels(graph, file).names;
      teacher_ = {std::move(graph), normaliser_beside(file), std::move(labels)};
      run_.teacher = &teacher_;
    }
    run_.checkpoint = beside(output, ".checkpoint.safetensors");
    display_.emplace(mode_of(arguments_), static_cast<std::size_t>(options.batch), numbers);
    run_.on_update = [this](const learning::TrainProgress& progress) {
      std::cerr << display_->update(progress, elapsed()) << std::flush;
    };
    return [this](const learning::TrainProgress& progress) {
      (arguments_.json() ? std::cout : std::cerr) << display_->epoch(progress, elapsed()) << std::flush;
    };
  }

  /// Drivers that spread an update over as many threads as are asked for.
  std::vector<const engine::Driver*> sharing() const {
    return drivers_of(arguments_, {.threads = threads_of(arguments_), .busy = true});
  }

  TrainDisplay::Seconds elapsed() const { return std::chrono::steady_clock::now() - begun_; }

  learning::TrainedModel from_spec() {
    learning::ModelSpec spec = learning::read_model_spec(source_);
    spec.train = options_of(arguments_, spec.train);
    const auto report = start(arguments_.value_or("output", spec.name + ".onnx"), spec.train,
                              spec.task != learning::TaskKind::classification);
    return learning::train_model(spec, data_for(spec), sharing(), report, run_);
  }

  learning::TrainedModel from_model() {
    const learning::Trainable trainable = trainable_of(arguments_.value_or("trainable", "head.*"));
    const engine::Graph graph = engine::read_onnx(source_);
    const auto known = learning::number_model(graph);
    const std::string task = arguments_.value_or("task", known ? "regression" : "classification");
    if (task != "regression" && task != "classification")
      throw UsageError{
          "--task of an ONNX model is classification or regression; a forecast's file says so itself"};
    const bool numbers = task == "regression";
    learning::TrainOptions options;
    options.rate = kFineTuningRate;
    if (numbers) options.loss = {.kind = learning::LossKind::mse};
    options = options_of(arguments_, options);
    const auto report =
        start(arguments_.value_or("output", beside(source_, ".tuned.onnx")), options, numbers);
    const auto normaliser = numbers ? engine::InputNormaliser{} : normaliser_beside(source_);
    return learning::fine_tune(graph,
                               numbers ? number_data(graph, known, options) : data(known_labels(graph)),
                               trainable, normaliser, options, sharing(), report, run_);
  }

  /// What the model names, or the command line.
  learning::Dataset number_data(const engine::Graph& graph, std::optional<learning::NumberModel> known,
                                const learning::TrainOptions& options) const {
    learning::NumberModel model = known.value_or(learning::NumberModel{});
    if (arguments_.value("label")) model.targets = config::split_list(*arguments_.value("label"));
    return learning::read_for(model, graph.value(graph.inputs().at(0)).shape,
                              arguments_.positional(1, "DATA"), arguments_.value_or("group", ""),
                              options.stride);
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
  learning::TeacherModel teacher_;
  std::optional<TrainDisplay> display_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

/// What a model of numbers is good for.
void print_numbers(const Arguments& arguments, const learning::TrainedModel& trained,
                   const std::string& output) {
  const std::string curve = beside(output, ".svg");
  if (arguments.json()) {
    boost::json::object result{{"model", output}, {"curve", curve}};
    if (trained.heldout_errors) result["heldout"] = to_json({*trained.numbers, *trained.heldout_errors});
    if (trained.test_errors) result["test"] = to_json({*trained.numbers, *trained.test_errors});
    std::cout << boost::json::serialize(result) << "\n";
    return;
  }
  std::cout << output << ": ";
  if (trained.heldout_errors)
    std::cout << figures(*trained.heldout_errors) << ", on " << trained.heldout_errors->examples()
              << " held out; ";
  if (trained.test_errors)
    std::cout << figures(*trained.test_errors) << ", on " << trained.test_errors->examples()
              << " of the test; ";
  std::cout << "the curve is " << curve << "\n";
}

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

int run_planner(Training& training, const Arguments& arguments) {
  constexpr auto kIsShare = [](double share) { return share > 0 && share < 1; };
  hrm::Promise promise;
  promise.target_error =
      arguments.number("target-error", "a share between 0 and 1", kIsShare).value_or(promise.target_error);
  const bool trains = !training.of_step();
  learning::TrainedPlanner trained = trains ? training.train_planner() : training.read_planner();
  const std::string &output = training.output(), curve = beside(output, ".svg");
  const learning::PuzzleSource puzzles(learning::puzzle_called(hrm::Planner::puzzle_of(trained.step)),
                                       arguments.positional(1, "DATA"));
  const auto halting = calibrate_halting(trained.step, puzzles, promise);
  engine::write_onnx(trained.step, output);
  if (trains) engine::write_file(curve, training_curve(trained.epochs, output));
  if (arguments.json()) {
    boost::json::object result{{"model", output}};
    if (trains) result["curve"] = curve, result["heldout_accuracy"] = trained.heldout_accuracy;
    if (halting && halting->threshold)
      result["halting"] = boost::json::object{{"from", *halting->threshold},
                                              {"puzzles", halting->audits},
                                              {"stopped", halting->accepted},
                                              {"wrong", halting->errors},
                                              {"bound", halting->bound}};
    std::cout << boost::json::serialize(result) << "\n";
    return kOk;
  }
  std::cout << output << ": " << std::fixed << std::setprecision(1);
  if (trains)
    std::cout << 100 * trained.heldout_accuracy << "% of held-out puzzles; the curve is " << curve << "; ";
  std::cout << halting_text(halting, promise) << "\n";
  return kOk;
}

int run(const Arguments& arguments) {
  Training training(arguments);
  if (training.of_planner() || training.of_step()) return run_planner(training, arguments);
  const learning::TrainedModel trained = training.train();
  const std::string& output = training.output();
  engine::write_onnx(trained.graph, output);
  if (trained.numbers) {
    engine::write_file(beside(output, ".svg"), training_curve(trained.epochs, output, "validation R²"));
    print_numbers(arguments, trained, output);
    return kOk;
  }
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
    .summary = "train a specified model, or fine-tune one, on labelled data or numbers: ONNX and seed memory",
    .arguments = "SPEC.yaml|MODEL.onnx DATA [--output FILE.onnx]",
    .words = 2,
    .example = "dormouse train words.yaml recordings/ --output words.onnx",
    .options = kOptions,
    .run = run};

}  // namespace dormouse::daemon
