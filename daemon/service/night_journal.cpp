#include "daemon/service/night_journal.h"

#include <boost/json.hpp>

#include "learning/digest.h"
#include "learning/named_tensors.h"
#include "learning/step.h"

namespace dormouse::daemon {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::int64_t kFormat = 2;

json::object options_json(const learning::SleepOptions& options) {
  json::object object{{"strategy", word(options.strategy)},
                      {"slow_lr", options.slow_lr},
                      {"momentum", options.momentum},
                      {"batch", options.batch},
                      {"steps", options.steps},
                      {"distillation", options.distillation},
                      {"ewc_decay", options.ewc_decay},
                      {"control", options.control},
                      {"kernel_examples", options.kernel_examples},
                      {"max_regression", options.guard.max_regression},
                      {"alpha", options.guard.alpha},
                      {"budget_seconds", options.budget_seconds},
                      {"seed", options.seed}};
  if (options.ewc_lambda) object["ewc_lambda"] = *options.ewc_lambda;
  return object;
}

learning::SleepOptions options_of(const json::object& object) {
  learning::SleepOptions options;
  const auto strategy = learning::strategy_named(json::value_to<std::string>(object.at("strategy")));
  if (!strategy) throw std::invalid_argument("an unknown strategy");
  options.strategy = *strategy;
  options.slow_lr = object.at("slow_lr").to_number<float>();
  options.momentum = object.at("momentum").to_number<float>();
  options.batch = object.at("batch").to_number<std::size_t>();
  options.steps = object.at("steps").to_number<std::size_t>();
  options.distillation = object.at("distillation").to_number<float>();
  options.ewc_decay = object.at("ewc_decay").to_number<float>();
  options.control = object.at("control").as_bool();
  options.kernel_examples = object.at("kernel_examples").to_number<std::size_t>();
  options.guard.max_regression = object.at("max_regression").to_number<double>();
  options.guard.alpha = object.at("alpha").to_number<double>();
  options.budget_seconds = object.at("budget_seconds").to_number<double>();
  options.seed = object.at("seed").to_number<std::uint64_t>();
  if (const json::value* lambda = object.if_contains("ewc_lambda"))
    options.ewc_lambda = lambda->to_number<float>();
  return options;
}

json::value privacy_json(const std::optional<learning::PrivacyOptions>& options) {
  if (!options) return nullptr;
  return {{"epsilon", options->epsilon},
          {"delta", options->delta},
          {"clip", options->clip},
          {"noise", options->noise}};
}

std::optional<learning::PrivacyOptions> privacy_of(const json::value& value) {
  if (value.is_null()) return std::nullopt;
  const auto number = [&](const char* key) { return value.at(key).to_number<double>(); };
  return learning::PrivacyOptions{number("epsilon"), number("delta"), number("clip"), number("noise")};
}

std::string job_text(const NightJob& job) {
  return json::serialize(json::object{{"format", kFormat},
                                      {"dormouse", DORMOUSE_VERSION},
                                      {"sleep", job.id},
                                      {"model", job.request.model},
                                      {"trial", job.request.trial},
                                      {"parent", job.parent},
                                      {"sequence", job.sequence},
                                      {"classes", job.classes},
                                      {"inputs", job.inputs},
                                      {"resumed", job.resumed},
                                      {"forgotten", job.forgotten},
                                      {"privacy", privacy_json(job.privacy)},
                                      {"options", options_json(job.options.cycle)}});
}

NightJob job_of(const std::string& text) {
  const json::object root = json::parse(text).as_object();
  // Another version of the program may round, or choose, otherwise.
  if (root.at("format").to_number<std::int64_t>() != kFormat || root.at("dormouse") != DORMOUSE_VERSION)
    throw std::invalid_argument("of another version of Dormouse");
  NightJob job;
  job.id = root.at("sleep").to_number<std::int64_t>();
  job.request.model = json::value_to<std::string>(root.at("model"));
  job.request.trial = root.at("trial").as_bool();
  job.parent = root.at("parent").to_number<std::int64_t>();
  job.sequence = root.at("sequence").to_number<std::int64_t>();
  job.classes = root.at("classes").to_number<std::size_t>();
  job.inputs = json::value_to<std::string>(root.at("inputs"));
  job.resumed = root.at("resumed").to_number<std::size_t>();
  job.forgotten = root.at("forgotten").to_number<std::uint64_t>();
  job.options.cycle = options_of(root.at("options").as_object());
  job.request.strategy = job.options.cycle.strategy;
  job.privacy = privacy_of(root.at("privacy"));
  return job;
}

}  // namespace

void NightJournal::write(const NightJob& job, engine::NamedTensors state) const {
  std::error_code failed;
  fs::create_directories(folder_, failed);
  if (failed) throw Failure(Errc::io, folder_.string() + ": cannot make this folder: " + failed.message());
  state.metadata["night"] = job_text(job);
  learning::seal(state);
  engine::write_safetensors(file().string(), state);
}

std::optional<NightJournal::Entry> NightJournal::read() const {
  if (!fs::exists(file())) return std::nullopt;
  engine::NamedTensors state = engine::read_safetensors(file().string());
  learning::check_seal(state, file().string());
  try {
    NightJob job = job_of(state.metadata["night"]);
    return Entry{std::move(job), std::move(state)};
  } catch (const std::exception& failure) {
    throw Failure(Errc::corrupt, file().string() + ": not the journal of a night: " + failure.what());
  }
}

void NightJournal::drop() const {
  std::error_code failed;
  fs::remove_all(folder_, failed);
  if (failed) throw Failure(Errc::io, folder_.string() + ": cannot remove: " + failed.message());
}

NightJournal journal_of(const fs::path& state, const std::string& model) {
  return NightJournal(state / "models" / model / "night");
}

std::string digest_of(const learning::SleepInputs& inputs) {
  learning::Digest digest;
  for (const std::string& label : inputs.labels) digest.add(label);
  digest.add(learning::parameters_by_name(inputs.trainable));
  for (const auto* examples : {&inputs.replay, &inputs.heldout, &inputs.taught, &inputs.taught_heldout,
                               &inputs.self_labelled, &inputs.core})
    digest.add(*examples);
  digest.add(std::as_bytes(std::span(inputs.episodes)));
  digest.add(std::string(inputs.core_held.begin(), inputs.core_held.end()));
  digest.add(std::to_string(inputs.core_classes));
  digest.add(inputs.fisher);
  digest.add(inputs.temperature);
  if (!inputs.fast) return digest.text();
  digest.add(inputs.fast->weights);
  digest.add(inputs.fast->temperature);
  return digest.text();
}

}  // namespace dormouse::daemon
