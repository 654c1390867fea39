#include "learning/training_data.h"

#include "learning/calibration.h"
#include "learning/number_errors.h"
#include "learning/step.h"

namespace dormouse::learning {
namespace {

constexpr std::size_t kValidationBatch = 256;

/// A stream of random numbers of its own for each epoch and batch.
Random stream(std::uint64_t seed, std::size_t epoch, std::size_t index) {
  return Random(Random(seed ^ Random(epoch).bits()).bits() ^ Random(~std::uint64_t{index}).bits());
}

/// N / (C · N of the class), so that every class weighs alike and the mean is 1.
std::vector<float> balanced_weights(const Dataset& data, const Rows& rows) {
  std::vector<double> counts(data.labels.size());
  for (const std::size_t row : rows) ++counts[data.classes[row]];
  std::vector<float> weights;
  for (const double count : counts)
    weights.push_back(count > 0 ? static_cast<float>(double(rows.size()) / (double(counts.size()) * count))
                                : 0);
  return weights;
}

}  // namespace

TrainingData::TrainingData(Parts parts, std::span<const engine::Driver* const> drivers) : parts_(parts) {
  const Dataset& data = parts.data;
  class_weights_ = parts.options.balanced ? balanced_weights(data, parts.split.train)
                                          : std::vector<float>(data.labels.size(), 1.0f);
  const engine::ValueId input = parts.graph.inputs()[0];
  if (parts.front_end != input)
    front_.emplace(engine::extract(parts.graph, std::array{input}, std::array{parts.front_end}), drivers);
  if (parts.split.train.empty()) throw Failure(Errc::invalid, "there are no examples to train on");
  if (parts.options.patience > 0 && parts.split.heldout.empty())
    throw Failure(Errc::invalid, "early stopping needs examples that are held out; there are none");
}

FitData TrainingData::fit_data() const {
  const auto size = static_cast<std::size_t>(parts_.options.batch), rows = parts_.split.train.size();
  const auto prepare = [this](std::size_t epoch) {
    Rows order = parts_.split.train;
    stream(parts_.options.seed, epoch, SIZE_MAX).shuffle(order);
    return [this, epoch, order = std::move(order)](std::size_t index) { return batch(order, epoch, index); };
  };
  return {prepare, (rows + size - 1) / size, [this](const Fit& fit) { return validate(fit); }};
}

Tensor TrainingData::features(const Tensor& inputs) const {
  return front_ ? front_->run(std::array{inputs})[0] : inputs;
}

Batch TrainingData::batch(const Rows& order, std::size_t epoch, std::size_t index) const {
  const auto size = static_cast<std::size_t>(parts_.options.batch), first = index * size;
  const auto chosen = std::span(order).subspan(first, std::min(size, order.size() - first));
  Random random = stream(parts_.options.seed, epoch, index);
  return labelled(parts_.inputs.augmented(chosen, parts_.options, random), chosen);
}

Tensor TrainingData::targets_of(std::span<const std::size_t> rows, Tensor& weights) const {
  const auto of = weights.mutable_values<float>();
  if (parts_.numbers) {
    std::ranges::fill(of, 1.0f);
    return target_rows(parts_.data, rows, parts_.numbers);
  }
  std::vector<ClassIndex> classes;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    classes.push_back(parts_.data.classes[rows[i]]);
    of[i] = class_weights_[classes.back()];
  }
  return one_hot(classes, parts_.data.labels.size());
}

Batch TrainingData::labelled(std::span<const Tensor> clips, std::span<const std::size_t> rows) const {
  Tensor weights(engine::DType::f32, Shape{std::ssize(rows)});
  Tensor targets = targets_of(rows, weights);
  Batch batch{features(parts_.inputs.of(clips)), std::move(targets), std::move(weights)};
  if (parts_.teacher) batch.teacher = parts_.teacher->logits(clips);
  return batch;
}

namespace {

/// How good the answers to some validation rows are, and at the end to all.
class Score {
 public:
  explicit Score(const NumberModel* numbers) {
    if (!numbers) return;
    const std::vector<float> ones(numbers->targets.size(), 1.0f);  // they are in deviations
    errors_.emplace(ones, static_cast<std::size_t>(numbers->rows()));
  }

  void add(const Tensor& answers, const Batch& batch, const Dataset& data,
           std::span<const std::size_t> rows) {
    if (errors_) {
      for (std::int64_t i = 0; i < std::ssize(rows); ++i)
        errors_->add(answers.rows(i, 1).values<float>(), batch.targets.rows(i, 1).values<float>());
      return;
    }
    const auto named = predictions(answers);
    for (std::size_t i = 0; i < rows.size(); ++i) right_ += named[i] == data.classes[rows[i]];
  }

  double of(std::size_t rows) const { return errors_ ? errors_->r2() : right_ / static_cast<double>(rows); }

 private:
  std::optional<NumberErrors> errors_;
  double right_ = 0;
};

}  // namespace

EpochRecord TrainingData::validate(const Fit& fit) const {
  const Rows& rows = parts_.split.heldout;
  EpochRecord record;
  if (rows.empty()) return record;
  Score quality(parts_.numbers);
  for (std::size_t first = 0; first < rows.size(); first += kValidationBatch) {
    const auto some = std::span(rows).subspan(first, std::min(kValidationBatch, rows.size() - first));
    const Batch batch = labelled(parts_.inputs.clips(some), some);
    const Fit::Score score = fit.evaluate(batch);
    quality.add(score.answers, batch, parts_.data, some);
    record.validation_loss += static_cast<double>(score.loss) * static_cast<double>(some.size());
  }
  record.accuracy = quality.of(rows.size());
  record.validation_loss /= static_cast<double>(rows.size());
  return record;
}

}  // namespace dormouse::learning
