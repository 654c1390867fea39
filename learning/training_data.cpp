#include "learning/training_data.h"

#include "learning/calibration.h"
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
  return labelled(features(parts_.inputs.augmented(chosen, parts_.options, random)), chosen);
}

Batch TrainingData::labelled(Tensor features, std::span<const std::size_t> rows) const {
  std::vector<ClassIndex> classes;
  Tensor weights(engine::DType::f32, Shape{std::ssize(rows)});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    classes.push_back(parts_.data.classes[rows[i]]);
    weights.mutable_values<float>()[i] = class_weights_[classes.back()];
  }
  return {std::move(features), one_hot(classes, parts_.data.labels.size()), std::move(weights)};
}

EpochRecord TrainingData::validate(const Fit& fit) const {
  const Rows& rows = parts_.split.heldout;
  EpochRecord record;
  for (std::size_t first = 0; first < rows.size(); first += kValidationBatch) {
    const auto some = std::span(rows).subspan(first, std::min(kValidationBatch, rows.size() - first));
    const Fit::Score score = fit.evaluate(labelled(features(parts_.inputs.batch(some)), some));
    const auto named = predictions(score.answers);
    for (std::size_t i = 0; i < some.size(); ++i) record.accuracy += named[i] == parts_.data.classes[some[i]];
    record.validation_loss += static_cast<double>(score.loss) * static_cast<double>(some.size());
  }
  if (rows.empty()) return record;
  record.accuracy /= static_cast<double>(rows.size());
  record.validation_loss /= static_cast<double>(rows.size());
  return record;
}

}  // namespace dormouse::learning
