#include "learning/checkpoint.h"

#include "engine/formats/safetensors.h"
#include "learning/named_tensors.h"

namespace dormouse::learning {
namespace {

using engine::DType;

constexpr const char* kCheckpointFormat = "dormouse-checkpoint-1";
constexpr const char* kCounts = "progress.counts";
constexpr const char* kNumbers = "progress.numbers";
constexpr const char* kEpochs = "progress.epochs";
constexpr std::string_view kBest = "best.";
constexpr std::size_t kCountsLength = 7, kNumbersLength = 4, kRecordLength = 4;

template <class T>
Tensor row(std::initializer_list<T> values) {
  return Tensor::from<T>(Shape{std::ssize(values)}, values);
}

Tensor to_tensor(const std::vector<EpochRecord>& epochs) {
  Tensor tensor(DType::f64, Shape{std::ssize(epochs), std::int64_t{kRecordLength}});
  auto to = tensor.mutable_values<double>().begin();
  for (const EpochRecord& record : epochs)
    for (const double value : {record.loss, record.validation_loss, record.accuracy, record.rate})
      *to++ = value;
  return tensor;
}

std::vector<EpochRecord> to_records(std::span<const double> values) {
  std::vector<EpochRecord> epochs;
  for (; values.size() >= kRecordLength; values = values.subspan(kRecordLength))
    epochs.push_back({values[0], values[1], values[2], values[3]});
  return epochs;
}

void check_length(const Tensor& tensor, std::size_t length, const std::string& path) {
  if (tensor.shape() != Shape{static_cast<std::int64_t>(length)})
    throw Failure(Errc::corrupt, path + ": its counters are not those of a checkpoint");
}

}  // namespace

void write_checkpoint(const std::string& path, const std::string& task, const Fit& fit,
                      const FitProgress& progress) {
  engine::NamedTensors file;
  file.tensors = fit.state();
  for (const auto& [name, tensor] : progress.best)
    file.tensors.insert_or_assign(std::string(kBest) + name, tensor);
  const Plateau& plateau = progress.plateau;
  file.tensors.insert_or_assign(
      kCounts, row<std::int64_t>({fit.updates(), progress.epoch, progress.batch, progress.best_epoch,
                                  plateau.waited, plateau.falls, plateau.epochs}));
  file.tensors.insert_or_assign(
      kNumbers, row<double>({progress.loss_sum, progress.rows, progress.best_loss, plateau.best}));
  file.tensors.insert_or_assign(kEpochs, to_tensor(progress.epochs));
  file.metadata = {{"format", kCheckpointFormat}, {"task", task}};
  seal(file);
  engine::write_safetensors(path, file);
}

FitProgress read_checkpoint(const std::string& path, const std::string& task, Fit& fit) {
  const engine::NamedTensors file = engine::read_safetensors(path);
  check_seal(file, path);
  const auto format = file.metadata.find("format"), of = file.metadata.find("task");
  if (format == file.metadata.end() || format->second != kCheckpointFormat || of == file.metadata.end())
    throw Failure(Errc::corrupt, path + ": no checkpoint of dormouse train");
  if (of->second != task)
    throw Failure(Errc::configuration, path + ": is the checkpoint of another run (" + of->second +
                                           "; this one: " + task + "); start without --resume");
  const Tensor& counts = part(file.tensors, kCounts, DType::i64, path);
  const Tensor& numbers = part(file.tensors, kNumbers, DType::f64, path);
  check_length(counts, kCountsLength, path);
  check_length(numbers, kNumbersLength, path);
  const auto c = counts.values<std::int64_t>();
  const auto n = numbers.values<double>();
  try {
    fit.restore(file.tensors, c[0]);
  } catch (const Failure& failure) {
    throw Failure(Errc::corrupt, path + ": " + failure.error().context);
  }
  FitProgress progress{.epoch = c[1],
                       .batch = c[2],
                       .loss_sum = n[0],
                       .rows = n[1],
                       .epochs = to_records(part(file.tensors, kEpochs, DType::f64, path).values<double>()),
                       .plateau = {n[3], c[4], c[5], c[6]},
                       .best_loss = n[2],
                       .best_epoch = c[3],
                       .best = {}};
  for (const auto& [name, tensor] : file.tensors)
    if (name.starts_with(kBest)) progress.best.insert_or_assign(name.substr(kBest.size()), tensor.clone());
  return progress;
}

}  // namespace dormouse::learning
