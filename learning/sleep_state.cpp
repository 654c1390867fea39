#include <algorithm>
#include <boost/json.hpp>

#include "learning/named_tensors.h"
#include "learning/sleep_night.h"

// A night is deterministic, so little of it has to be kept: `select`, `fit` and `dream check` are done again
// when it is taken up, and what only grows with every step is read back.
namespace dormouse::learning {
namespace {

namespace json = boost::json;

/// By tensor name, what comes before it where a control is trained beside the candidate.
constexpr const char *kCandidate = "", *kControl = "control.";

constexpr const char* kState = "a night's state";

[[noreturn]] void damaged(const std::string& what) {
  throw Failure(Errc::corrupt, std::string(kState) + ": " + what);
}

json::value metadata(const engine::NamedTensors& state, const std::string& name) {
  const auto found = state.metadata.find(name);
  if (found == state.metadata.end()) damaged("no " + name);
  return json::parse(found->second);
}

void put(engine::NamedTensors& state, const std::string& prefix, const Parameters& tensors) {
  for (const auto& [name, tensor] : tensors) state.tensors.insert_or_assign(prefix + name, tensor);
}

Parameters taken(const engine::NamedTensors& state, const std::string& prefix) {
  Parameters tensors;
  for (const auto& [name, tensor] : state.tensors)
    if (name.starts_with(prefix)) tensors.emplace(name.substr(prefix.size()), tensor.clone());
  return tensors;
}

void put(engine::NamedTensors& state, const std::string& whose, const StrategyTrainer& trainer) {
  const Trainer::Progress progress = trainer.progress();
  put(state, whose + "parameter.", progress.parameters);
  put(state, whose + "velocity.", progress.velocities);
  put(state, whose + "path.", progress.path);
  const std::vector<std::uint8_t> met(trainer.met().begin(), trainer.met().end());
  state.tensors.emplace(whose + "met", engine::row_of<std::uint8_t>(met));
}

void restore(StrategyTrainer& trainer, const engine::NamedTensors& state, const std::string& whose) {
  const auto met = part(state.tensors, whose + "met", engine::DType::u8, kState).values<std::uint8_t>();
  trainer.restore(
      {taken(state, whose + "parameter."), taken(state, whose + "velocity."), taken(state, whose + "path.")},
      {met.begin(), met.end()});
}

std::vector<double> numbers(const SleepReport& report, double loss_sum) {
  std::vector<double> values{loss_sum, report.seconds};
  for (const auto& [stage, seconds] : report.stage_seconds)
    values.insert(values.end(), {static_cast<double>(stage), seconds});
  return values;
}

std::vector<double> curve(const SleepReport& report) {
  std::vector<double> values;
  for (const auto& [step, loss] : report.loss) values.insert(values.end(), {double(step), double{loss}});
  return values;
}

}  // namespace

engine::NamedTensors SleepCycle::save() const {
  const Night& night = *night_;
  const SleepReport& report = night.result.report;
  ensure(night.stage != Stage::done, "a night that is over is not taken up");
  engine::NamedTensors state;
  const std::vector<std::uint64_t> counts{static_cast<std::uint64_t>(night.stage),
                                          night.step,
                                          night.fisher_samples,
                                          night.loss_count,
                                          night.random.state(),
                                          report.steps,
                                          report.stopped};
  state.tensors.emplace("counts", engine::row_of<std::uint64_t>(counts));
  state.tensors.emplace("numbers", engine::row_of<double>(numbers(report, night.loss_sum)));
  state.tensors.emplace("loss", engine::row_of<double>(curve(report)));
  state.metadata["notes"] = json::serialize(json::value_from(report.notes));
  state.metadata["drivers"] = json::serialize(json::value_from(night.driver_seconds()));
  if (night.trainer) put(state, kCandidate, *night.trainer);
  if (night.control) put(state, kControl, *night.control);
  if (night.sampler) state.tensors.emplace("sampler", engine::row_of<std::uint64_t>(night.sampler->state()));
  if (night.fresh_sampler)
    state.tensors.emplace("fresh_sampler", engine::row_of<std::uint64_t>(night.fresh_sampler->state()));
  if (night.fisher) put(state, "fisher.", night.fisher->sums());
  return state;
}

void SleepCycle::restore(const engine::NamedTensors& state) {
  Night& night = *night_;
  ensure(night.stage == Stage::select, "a night that has not begun");
  const auto counts = part(state.tensors, "counts", engine::DType::u64, kState).values<std::uint64_t>();
  if (counts.size() != 7 || counts[0] >= static_cast<std::uint64_t>(Stage::done)) damaged("its counts");
  const auto stage = static_cast<Stage>(counts[0]);
  if (stage == Stage::select) return;
  night.select();
  night.restore_rehearsal(state);
  night.step = counts[1];
  if (night.secret) night.result.report.privacy->steps = night.step;
  night.loss_count = counts[3];
  night.random = Random(counts[4]);
  night.stage = stage;
  if (stage > Stage::rehearse) night.take_candidate();
  while (stage > Stage::fit && night.fit()) {
  }
  if (stage > Stage::dream_check) {
    night.dream_check();
    night.restore_importance(state, counts[2]);
  }
  night.result.report.steps = counts[5];
  night.result.report.stopped = counts[6] != 0;
}

void SleepCycle::Night::restore_rehearsal(const engine::NamedTensors& state) {
  SleepReport& report = result.report;
  const auto read = part(state.tensors, "numbers", engine::DType::f64, kState).values<double>();
  const auto points = part(state.tensors, "loss", engine::DType::f64, kState).values<double>();
  if (read.size() < 2 || read.size() % 2 != 0 || points.size() % 2 != 0) damaged("its numbers");
  loss_sum = read[0];
  report.seconds = read[1];
  for (std::size_t i = 2; i < read.size(); i += 2)
    report.stage_seconds.emplace_back(static_cast<Stage>(std::clamp(read[i], 0.0, double(Stage::done))),
                                      read[i + 1]);
  for (std::size_t i = 0; i < points.size(); i += 2)
    report.loss.emplace_back(static_cast<std::size_t>(points[i]), static_cast<float>(points[i + 1]));
  report.notes = json::value_to<std::vector<std::string>>(metadata(state, "notes"));
  earlier_seconds = json::value_to<std::map<std::string, double>>(metadata(state, "drivers"));
  restore_trainers(state);
}

void SleepCycle::Night::restore_trainers(const engine::NamedTensors& state) {
  const auto sequence = [&state](const char* name) {
    return part(state.tensors, name, engine::DType::u64, kState).values<std::uint64_t>();
  };
  if (trainer) learning::restore(*trainer, state, kCandidate);
  if (control) learning::restore(*control, state, kControl);
  if (sampler) sampler->restore(sequence("sampler"));
  if (fresh_sampler) fresh_sampler->restore(sequence("fresh_sampler"));
}

void SleepCycle::Night::restore_importance(const engine::NamedTensors& state, std::size_t samples) {
  fisher_samples = samples;
  if (samples > 0) {
    if (!candidate) damaged("a Fisher estimate of nothing");
    fisher.emplace(*candidate);
    fisher->restore(taken(state, "fisher."), samples);
  }
  if (result.accepted) note_importance();
}

}  // namespace dormouse::learning
