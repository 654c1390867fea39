#include <algorithm>
#include <cmath>
#include <cstring>

#include "learning/anomaly_detector.h"
#include "learning/anomaly_spec.h"
#include "learning/named_tensors.h"
#include "learning/number_rows.h"

/// A detector as a safetensors file: "predictor.*" as StreamPredictor has it; "channels" f64, seven running
/// numbers each; "values.N" f32, oldest first; "tail.ASPECT" f64 as TailAlarm has it; "counts" i64. Metadata:
/// format, options, and a checksum over everything.
namespace dormouse::learning {
namespace {

using engine::DType;

constexpr const char* kAnomalyFormat = "dormouse-anomaly-1";
constexpr const char *kPredictor = "predictor.", *kChannels = "channels", *kAlarmCounts = "counts";
constexpr std::size_t kCounters = 2;

std::string values_of(std::size_t channel) { return "values." + std::to_string(channel); }
std::string tail_of(std::size_t aspect) {
  return "tail." + std::string(word(static_cast<AnomalyAspect>(aspect)));
}

memory::NumberMemory memory_of(std::span<const float> numbers, std::size_t capacity,
                               const std::string& file) {
  const bool finite = std::ranges::all_of(numbers, [](float x) { return std::isfinite(x); });
  if (!finite || numbers.size() > capacity) throw Failure(Errc::corrupt, file + ": values that cannot be");
  memory::NumberMemory memory(capacity);
  for (const float number : numbers) memory.remember(number);
  return memory;
}

}  // namespace

engine::NamedTensors AnomalyDetector::state() const {
  engine::NamedTensors file;
  for (const auto& [name, tensor] : predictor_.state()) file.tensors.emplace(kPredictor + name, tensor);
  file.tensors.emplace(kChannels, engine::row_of(numbers_of(channels_)));
  for (std::size_t c = 0; c < values_.size(); ++c) {
    const std::vector<float> values(values_[c].by_age().begin(), values_[c].by_age().end());
    file.tensors.emplace(values_of(c), engine::row_of(values));
  }
  for (std::size_t i = 0; i < tails_.size(); ++i)
    file.tensors.emplace(tail_of(i), engine::row_of(tails_[i].state()));
  file.tensors.emplace(kAlarmCounts,
                       engine::row_of({static_cast<std::int64_t>(alarms_), std::int64_t{active_}}));
  file.metadata = {{"format", kAnomalyFormat}, {"options", text_of(options_)}};
  seal(file);
  return file;
}

void AnomalyDetector::restore(const engine::NamedTensors& state, const std::string& file) {
  check_seal(state, file);
  if (entry(state, "format") != kAnomalyFormat)
    throw Failure(Errc::corrupt, file + ": no state of an anomaly detector");
  if (entry(state, "options") != text_of(options_))
    throw Failure(Errc::conflict, file + ": is of other options (" + entry(state, "options") +
                                      "; now: " + text_of(options_) + "); delete it to begin anew");
  const auto channels = structs_of<Channel>(part(state.tensors, kChannels, DType::f64, file).values<double>(),
                                            channels_.size(), file);
  std::vector<memory::NumberMemory> values;
  for (std::size_t c = 0; c < values_.size(); ++c)
    values.push_back(memory_of(part(state.tensors, values_of(c), DType::f32, file).values<float>(),
                               values_[c].capacity(), file));
  std::vector<TailAlarm> tails = tails_;
  for (std::size_t i = 0; i < tails.size(); ++i)
    tails[i].restore(part(state.tensors, tail_of(i), DType::f64, file).values<double>());
  const auto counts = part(state.tensors, kAlarmCounts, DType::i64, file).values<std::int64_t>();
  if (counts.size() != kCounters) throw Failure(Errc::corrupt, file + ": counters that cannot be");
  StreamPredictor::State predictor;
  for (const auto& [name, tensor] : state.tensors)
    if (name.starts_with(kPredictor)) predictor.emplace(name.substr(std::strlen(kPredictor)), tensor);
  predictor_.restore(predictor);
  channels_ = channels;
  values_ = std::move(values);
  tails_ = std::move(tails);
  alarms_ = static_cast<std::uint64_t>(counts[0]);
  active_ = counts[1] != 0;
}

}  // namespace dormouse::learning
