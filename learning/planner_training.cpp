#include "learning/planner_training.h"

#include <algorithm>

#include "engine/session.h"
#include "learning/step.h"

namespace dormouse::learning {
namespace {

using engine::DType;
using engine::Session;

constexpr std::size_t kValidated = 256;  // held-out puzzles, of an epoch
constexpr double kHaltShare = 0.05;      // of the loss, that q has

Shape behind(std::int64_t rows, const Shape& shape, std::size_t from) {
  Shape result{rows};
  for (std::size_t axis = from; axis < shape.rank(); ++axis) result.push_back(shape[axis]);
  return result;
}

class PlannerData {
 public:
  PlannerData(const PlannerSpec& spec, const PuzzleSource& source, const engine::Graph& step,
              std::span<const engine::Driver* const> drivers)
      : spec_(spec), source_(source), step_(step), drivers_(drivers) {
    std::vector<Puzzle> puzzles;
    for (std::size_t i = 0; i < kValidated; ++i) puzzles.push_back(at(PuzzleSource::Part::heldout, i));
    heldout_ = stack(puzzles, step);
  }

  Shape input() const { return heldout_.inputs.shape(); }

  FitData fit_data() const {
    FitData data;
    data.batches = static_cast<std::size_t>((spec_.examples + spec_.train.batch - 1) / spec_.train.batch);
    data.segments = static_cast<std::size_t>(spec_.segments);
    data.epoch = [this, batches = data.batches](std::size_t epoch) {
      return [this, epoch, batches](std::size_t index) { return batch(epoch * batches + index); };
    };
    data.validate = [this](const Fit& fit) { return validate(fit); };
    return data;
  }

 private:
  Puzzle at(PuzzleSource::Part part, std::uint64_t number) const {
    Puzzle puzzle = source_.at(part, spec_.train.seed, number);
    if (puzzle.answer.empty())
      throw Failure(Errc::invalid, "a drawing has no answer, or more than one: it cannot be learnt from");
    return puzzle;
  }

  Batch batch(std::size_t number) const {
    const auto count = static_cast<std::size_t>(spec_.train.batch);
    std::vector<Puzzle> puzzles;
    for (std::size_t i = 0; i < count; ++i)
      puzzles.push_back(at(PuzzleSource::Part::train, number * count + i));
    return rows_of(stack(puzzles, step_));
  }

  /// Targets and weights of planner_training_graph()'s rows.
  Batch rows_of(PuzzleBatch puzzles) const {
    const auto classes = static_cast<std::size_t>(spec_.puzzle->classes);
    const auto unroll = static_cast<std::size_t>(spec_.unroll);
    const auto cells = static_cast<std::size_t>(puzzles.answers.elements());
    const std::size_t judged = unroll * static_cast<std::size_t>(puzzles.inputs.shape()[0]),
                      rows = unroll * cells + judged;
    Batch batch{puzzles.inputs, Tensor(DType::f32, {std::int64_t(rows), spec_.puzzle->classes}),
                Tensor(DType::f32, {std::int64_t(rows)})};
    const auto targets = batch.targets.mutable_values<float>(),
               weights = batch.weights.mutable_values<float>();
    const auto answers = puzzles.answers.values<float>();
    std::ranges::fill(weights, 1.0f);
    for (std::size_t row = 0; row < rows; ++row)
      targets[row * classes + (row < unroll * cells ? static_cast<std::size_t>(answers[row % cells]) : 0)] =
          1;
    std::ranges::fill(
        weights.last(judged),
        static_cast<float>(kHaltShare * static_cast<double>(unroll * cells) / static_cast<double>(judged)));
    Tensor start = planner_start(step_, puzzles.inputs);
    batch.more = {std::move(start), std::move(puzzles.answers)};
    return batch;
  }

  EpochRecord validate(const Fit& fit) const {
    EpochRecord record;
    record.accuracy = right_share(answered(with_parameters(step_, fit.averaged())));
    record.validation_loss = 1 - record.accuracy;
    return record;
  }

  /// The logits of all held-out puzzles after the last step.
  Tensor answered(engine::Graph step) const {
    const Session session(std::move(step), drivers_);
    Tensor z = planner_start(step_, heldout_.inputs), logits;
    for (std::int64_t i = 0; i < spec_.steps; ++i) {
      auto outputs = session.run(std::array{heldout_.inputs, z});
      z = std::move(outputs[0]);
      logits = std::move(outputs[1]);
    }
    return logits;
  }

  /// Of the puzzles, those of which every cell is right.
  double right_share(const Tensor& logits) const {
    const auto values = logits.values<float>(), answers = heldout_.answers.values<float>();
    const auto classes = static_cast<std::size_t>(spec_.puzzle->classes), cells = answers.size() / kValidated;
    std::size_t right = 0;
    for (std::size_t i = 0; i < kValidated; ++i) {
      bool all = true;
      for (std::size_t cell = 0; cell < cells && all; ++cell) {
        const float* of = &values[i * classes * cells + cell];
        const float wanted = of[static_cast<std::size_t>(answers[i * cells + cell]) * cells];
        for (std::size_t c = 0; c < classes; ++c) all = all && of[c * cells] <= wanted;
      }
      right += all;
    }
    return static_cast<double>(right) / kValidated;
  }

  const PlannerSpec& spec_;
  const PuzzleSource& source_;
  const engine::Graph& step_;
  std::span<const engine::Driver* const> drivers_;
  PuzzleBatch heldout_;
};

std::string signature(const PlannerSpec& spec) {
  std::string text = "a planner of " + std::string(spec.puzzle->name);
  for (const std::int64_t number : {spec.width, spec.cycles, spec.thoughts, spec.unroll, spec.segments,
                                    spec.examples, spec.train.epochs, spec.train.batch})
    text += " " + std::to_string(number);
  return text + ", rate " + std::to_string(spec.train.rate) + ", seed " + std::to_string(spec.train.seed);
}

}  // namespace

PuzzleBatch stack(const std::vector<Puzzle>& puzzles, const engine::Graph& step) {
  const Shape& of_one = puzzles.at(0).input.shape();
  const Shape& logits = step.value(step.outputs().at(1)).shape;
  const auto count = static_cast<std::int64_t>(puzzles.size());
  Shape cells = behind(count, logits, 2);
  for (std::size_t axis = 1; axis < cells.rank(); ++axis)
    if (cells[axis] == engine::kDynamic) cells[axis] = of_one[axis];
  PuzzleBatch batch{Tensor(DType::f32, behind(count, of_one, 0)), Tensor(DType::f32, std::move(cells))};
  auto input = batch.inputs.mutable_values<float>().begin(),
       answer = batch.answers.mutable_values<float>().begin();
  for (const Puzzle& puzzle : puzzles) {
    if (puzzle.input.shape() != of_one)
      throw Failure(Errc::invalid, "drawings of one size are trained on together");
    input = std::ranges::copy(puzzle.input.values<float>(), input).out;
    answer = std::ranges::copy(puzzle.answer, answer).out;
  }
  return batch;
}

TrainedPlanner train_planner(const PlannerSpec& spec, const PuzzleSource& source,
                             std::span<const engine::Driver* const> drivers, const TrainReport& report,
                             const TrainRun& run) {
  TrainedPlanner trained;
  trained.step = planner_step(spec);
  const PlannerData data(spec, source, trained.step, drivers);
  const FitData fit_data = data.fit_data();
  const TrainOptions& options = spec.train;
  engine::Graph graph = planner_training_graph(spec, data.input());
  if (!spec.weights.empty()) graph = with_parameters(std::move(graph), parameters_by_name(trained.step));
  Fit fit(graph, {options.loss, options.optimiser, drivers,
                  static_cast<std::size_t>(options.memory.value_or(config::Bytes{}).count)});
  FitProgress progress;
  const Parameters parameters = run_fit(
      fit, fit_data, fit_run_options(options, run, report, fit_data.batches, signature(spec)), progress,
      run.resume);  // which reads the step
  trained.step = with_parameters(std::move(trained.step), parameters);
  trained.epochs = progress.epochs;
  trained.heldout_accuracy = progress.epochs.empty() ? 0 : progress.epochs.back().accuracy;
  return trained;
}

}  // namespace dormouse::learning
