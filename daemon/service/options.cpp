#include "daemon/service/options.h"

#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "config/text.h"

namespace dormouse::daemon {

using config::Binder;
using config::range;
using namespace std::chrono_literals;

namespace {

config::Words<drivers::Choice> drivers_by_word() {
  const auto words = drivers::choice_words();
  return {{words.begin(), words.end()}};
}

/// What no daemon could listen on.
void check_socket(const Binder& binder, std::string_view key, const std::filesystem::path& path) {
  constexpr std::size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
  if (path.native().size() > kLongest)
    throw binder.wrong(key, "the path of a socket has at most " + std::to_string(kLongest) + " bytes, '" +
                                path.string() + "' has " + std::to_string(path.native().size()));
  std::error_code failed;
  if (std::filesystem::exists(path, failed) && !std::filesystem::is_socket(path, failed))
    throw binder.wrong(key, path.string() + " exists and is no socket: remove it, or choose another path");
}

}  // namespace

void bind_options(Binder& binder, ProcessOptions& options) {
  binder.optional("socket", options.socket);
  binder.optional("admin_socket", options.admin_socket);
  binder.optional("tcp", options.tcp, config::or_word("off"), range(1, 65535));
  binder.optional("token_file", options.token_file, config::existing);
  binder.optional("threads", options.threads, config::or_word("auto"), range(1, 256));
  binder.optional("threads_per_inference", options.threads_per_inference, range(1, 64));
  binder.optional("queue", options.queue, range(1, 1 << 16));
  binder.optional("driver", options.driver, drivers_by_word());
  if (binder.optional("device", options.device) && options.device == "auto") options.device.clear();
  check_socket(binder, "socket", options.socket);
  check_socket(binder, "admin_socket", options.admin_socket);
  if (options.socket == options.admin_socket)
    throw binder.wrong("admin_socket", "is 'socket', too; they need two paths");
  if (options.tcp && options.token_file.empty())
    throw binder.wrong("tcp", "needs token_file, the secret that clients over TCP must show");
}

void bind_options(Binder& binder, StreamOptions& options) {
  using enum StreamOptions::Normalise;
  binder.optional("channels", options.channels, range(1, 4096));
  binder.optional("rate", options.rate, range(0.0, 1e9));
  binder.optional("window", options.window, range(1, 1 << 24));
  binder.optional("hop", options.hop, range(1, 1 << 24));
  binder.optional("normalise", options.normalise,
                  config::one_of<StreamOptions::Normalise>({{"none", none}, {"seed", seed}}));
  binder.optional("novelty", options.novelty);
}

void bind_options(Binder& binder, BatchingOptions& options) {
  binder.optional("max", options.max, range(2, 4096));
  binder.optional("delay", options.delay, range(0us, 1s));
}

namespace {

/// Names are parts of paths and of URLs.
void check_name(const Binder& binder, const std::string& name) {
  const auto allowed = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_' || c == '.'; };
  if (name.empty() || name.front() == '.' || !std::ranges::all_of(name, allowed))
    throw binder.wrong("name", "a name is made of letters, digits, '-', '_' and '.'");
}

/// `trainable: lora(8)`, or a list of names.
learning::Trainable read_trainable(const Binder& binder, const config::Node& node) {
  if (node.kind == config::Node::Kind::scalar)
    if (const auto known = learning::parse_trainable(node.text)) return *known;
  learning::Trainable chosen{{}, 0};
  for (const config::Node& item : node.items) chosen.patterns.push_back(config::read_string(item));
  if (chosen.patterns.empty())
    throw binder.wrong("trainable", "expected head.*, all, lora(RANK) with a rank from " +
                                        std::to_string(learning::kLeastRank) + " to " +
                                        std::to_string(learning::kMostRank) +
                                        ", or a list of names of weights such as [fc2.*, fc3.*]");
  return chosen;
}

}  // namespace

void bind_options(Binder& binder, ModelOptions& options) {
  binder.required("name", options.name);
  binder.required("path", options.path, config::existing);
  binder.optional("labels", options.labels);
  binder.optional("driver", options.driver, drivers_by_word());
  binder.optional("cut", options.cut);
  if (config::Node trainable; binder.optional("trainable", trainable))
    options.trainable = read_trainable(binder, trainable);
  binder.optional("seed", options.seed, config::existing);
  binder.optional("stream", options.stream);
  binder.optional("planner", options.planner);
  binder.optional("exit", options.exit);
  binder.optional("steps", options.steps, config::or_word("auto"), range(1, 1 << 20));
  binder.optional("memory_budget", options.memory_budget, config::or_word("any"),
                  range(config::Bytes{1 << 20}, config::Bytes{1ull << 40}));
  binder.optional("fast", options.fast,
                  config::one_of<FastWeights>({{"auto", FastWeights::automatic},
                                               {"ridge", FastWeights::ridge},
                                               {"slda", FastWeights::slda},
                                               {"sgd", FastWeights::sgd}}));
  binder.optional("concurrency", options.concurrency, config::or_word("any"), range(1, 256));
  binder.optional("batching", options.batching, config::or_word("off"));
  check_name(binder, options.name);
}

void bind_options(Binder& binder, KeptStreamOptions& options) {
  binder.required("name", options.name);
  binder.required("model", options.model, config::existing);
  binder.optional("save", options.save, range(1s, 24h));
  const bool labels = binder.optional("labels", options.labels),
             seed = binder.optional("seed", options.seed, config::existing);
  if (options.detects() && (labels || seed))
    throw binder.wrong(labels ? "labels" : "seed",
                       "is for a stream whose model is an ONNX file; a detector of anomalies takes none");
  check_name(binder, options.name);
}

void bind_options(Binder& binder, HrmOptions& options) {
  binder.optional("accept", options.router.accept, range(0.0, 1.0));
  binder.optional("mixing", options.mixing, config::or_word("auto"), range(0.0, 1.0));
  binder.optional("temperature", options.temperature, config::or_word("auto"), range(0.001, 100.0));
  binder.optional("abstain", options.abstain, config::or_word("off"), range(0.001, 0.5));
  binder.optional("neighbours", options.neighbours, range(1, 64));
  binder.optional("target_error", options.target_error, config::or_word("off"), range(0.001, 0.5));
  binder.optional("latency_budget", options.latency_budget, config::or_word("off"), range(1us, 1min));
  binder.optional("busy", options.busy, config::or_word("off"), range(1, 1'000'000));
  binder.optional("delta", options.delta, range(1e-6, 0.5));
  binder.optional("audit", options.audit, range(0.001, 1.0));
  binder.optional("trace", options.trace, config::or_word("off"));
  binder.optional("trace_limit", options.trace_limit,
                  range(config::Bytes{1 << 16}, config::Bytes{1ull << 40}));
}

namespace {

struct EwcOptions {
  std::optional<float> lambda;
  float decay = 0.9f;
  bool control = true;
};

void bind_options(Binder& binder, EwcOptions& options) {
  binder.optional("lambda", options.lambda, config::or_word("auto"), range(0.0, 1e9));
  binder.optional("decay", options.decay, range(0.0, 1.0));
  binder.optional("control", options.control);
}

config::Words<learning::Strategy> strategies() {
  config::Words<learning::Strategy> words;
  for (const learning::Recipe& how : learning::recipes()) words.words.emplace_back(how.word, how.strategy);
  return words;
}

struct ReplayOptions {
  std::size_t batch = 64;
};

void bind_options(Binder& binder, ReplayOptions& options) {
  binder.optional("batch", options.batch, range(1, 4096));
}

struct KernelSection {
  std::size_t examples = learning::SleepOptions().kernel_examples;
};

void bind_options(Binder& binder, KernelSection& options) {
  binder.optional("examples", options.examples, range(10, 4000));
}

struct GuardSection {
  double max_regression = 0.01;
  bool live = true;
};

void bind_options(Binder& binder, GuardSection& options) {
  binder.optional("max_regression", options.max_regression, range(0.0, 1.0));
  binder.optional("live", options.live);
}

}  // namespace

void bind_options(Binder& binder, NightOptions& options) {
  EwcOptions ewc{options.cycle.ewc_lambda, options.cycle.ewc_decay, options.cycle.control};
  ReplayOptions replay{options.cycle.batch};
  std::optional<KernelSection> kernel = KernelSection{options.cycle.kernel_examples};
  GuardSection guard{options.cycle.guard.max_regression, options.live_guard};
  std::optional<std::string> window;
  binder.optional("idle", options.idle, config::or_word("never"));
  if (binder.optional("window", window, config::or_word("never"))) {
    options.window = window ? parse_window(*window) : std::nullopt;
    if (window && !options.window)
      throw binder.wrong("window", "expected a time of day like \"01:00-05:00\", got '" + *window + "'");
  }
  binder.optional("every", options.every, range(1, 1000000000));
  binder.optional("budget", options.budget, range(1s, 24h));
  binder.optional("energy", options.energy, config::or_word("any"), range(0.001, 1e9));
  binder.optional("watts", options.watts, range(0.01, 1000.0));
  binder.optional("journal", options.journal, range(0s, 1h));
  binder.optional("on_battery", options.on_battery);
  binder.optional("max_temperature", options.max_temperature, config::or_word("any"), range(0.0, 150.0));
  binder.optional("strategy", options.cycle.strategy, strategies());
  binder.optional("fast_lr", options.fast_lr, range(0.0, 1.0));
  binder.optional("slow_lr", options.cycle.slow_lr, range(0.0, 1.0));
  binder.optional("ewc", ewc);
  binder.optional("replay", replay);
  binder.optional("kernel", kernel, config::or_word("off"));
  binder.optional("self_label", options.self_label, config::or_word("off"), range(0.5, 1.0));
  binder.optional("guard", guard);
  options.cycle.ewc_lambda = ewc.lambda;
  options.cycle.ewc_decay = ewc.decay;
  options.cycle.control = ewc.control;
  options.cycle.batch = replay.batch;
  options.cycle.kernel_examples = kernel ? kernel->examples : 0;
  options.cycle.guard.max_regression = guard.max_regression;
  options.live_guard = guard.live;
  options.cycle.budget_seconds = std::chrono::duration<double>(options.budget).count();
}

void bind_options(Binder& binder, DpOptions& options) {
  binder.optional("epsilon", options.epsilon, range(0.001, 1e6));
  binder.optional("delta", options.delta, range(1e-15, 0.1));
  binder.optional("clip", options.clip, range(1e-6, 1e6));
  binder.optional("noise", options.noise, range(0.01, 1e6));
}

void bind_options(Binder& binder, PrivacyOptions& options) {
  binder.optional("dp", options.dp, config::or_word("off"));
}

void bind_options(Binder& binder, Options& options) {
  binder.optional("daemon", options.process);
  binder.optional("state", options.state);
  binder.optional("models", options.models);
  binder.optional("streams", options.streams);
  binder.optional("hrm", options.hrm);
  binder.optional("memory", options.memory);
  binder.optional("sleep", options.sleep);
  binder.optional("privacy", options.privacy);
}

Failure complaint(const config::Node& said, std::string_view key, const std::string& what) {
  if (!said.location.file) return {Errc::configuration, what};
  const config::Node* const value = said.find(key);
  const config::Node& at = value ? *value : said;
  return config::complaint(at.location, at.path, what);
}

Failure unusable(const config::Node& said, std::string_view key, const std::string& whose,
                 const Failure& failure) {
  constexpr Errc files[] = {Errc::invalid,   Errc::not_found, Errc::unsupported, Errc::corrupt,
                            Errc::too_large, Errc::denied,    Errc::io};
  if (std::ranges::find(files, failure.error().code) == std::end(files)) return failure;
  return complaint(said, key, whose + ": " + failure.error().context);
}

namespace {

void note_places(Options& options, const config::Node& root) {
  const auto note = [&](auto& sections, std::string_view key) {
    for (std::size_t i = 0; i < sections.size(); ++i) sections[i].said = root.find(key)->items[i];
  };
  note(options.models, "models");
  note(options.streams, "streams");
  if (const config::Node* const hrm = root.find("hrm")) options.hrm.said = *hrm;
}

void check_planner_name(const Options& options, const ModelOptions& model) {
  std::vector<std::string_view> others;
  for (const ModelOptions& other : options.models)
    if (other.name != model.name) others.push_back(other.name);
  if (std::ranges::find(others, model.planner) != others.end()) return;
  std::string what = model.planner == model.name ? "a model cannot be its own planner"
                                                 : "no other model is called '" + model.planner + "'";
  if (const auto near = config::did_you_mean(model.planner, others); !near.empty())
    what += near;
  else
    what += others.empty() ? "; there is only '" + model.name + "'" : "; there is " + config::join(others);
  throw complaint(model.said, "planner", what);
}

void check_models(const Options& options, const config::Node& root) {
  if (options.models.empty() && options.streams.empty()) {
    const config::Node* models = root.find("models");
    throw config::complaint(models ? models->location : root.location, "models",
                            "name at least one model, or one of 'streams'");
  }
  for (std::size_t i = 0; i < options.models.size(); ++i) {
    const ModelOptions& model = options.models[i];
    const auto before = std::span(options.models).first(i);
    const config::Node& node = root.find("models")->items[i];
    if (std::ranges::find(before, model.name, &ModelOptions::name) != before.end())
      throw config::complaint(node.location, node.path + ".name",
                              "another model is called '" + model.name + "' too");
    if (!model.planner.empty()) check_planner_name(options, model);
  }
}

/// What keeps anybody from writing files in `folder`, as far as that can be told without making it.
std::string obstacle(const std::filesystem::path& folder) {
  std::error_code failed;
  std::filesystem::path there = std::filesystem::absolute(folder, failed);
  if (failed) return "";
  while (!std::filesystem::exists(there, failed) && there.has_relative_path()) there = there.parent_path();
  int why = 0;
  if (!std::filesystem::is_directory(there, failed))
    why = failed ? failed.value() : ENOTDIR;
  else if (::access(there.c_str(), W_OK) != 0 && errno == EROFS)
    why = EROFS;
  return why == 0 ? "" : there.string() + ": " + std::strerror(why);
}

void check_folder(const config::Node& said, std::string_view key, const std::filesystem::path& folder) {
  if (const std::string why = obstacle(folder); !why.empty())
    throw complaint(said, key, "a folder that can be written is needed: " + why);
}

void check_hrm(const Options& options, const config::Node& root) {
  if (!options.hrm.target_error && !options.hrm.trace) return;
  if (std::ranges::any_of(options.models, [](const ModelOptions& model) { return !model.planner.empty(); }))
    return;
  const config::Node& node = *root.find("hrm");
  const std::string key = options.hrm.target_error ? "target_error" : "trace";
  throw config::complaint(node.location, node.path + "." + key,
                          "needs a model with a 'planner', whose answers the audits are compared with");
}

void check_streams(const Options& options, const config::Node& root) {
  for (std::size_t i = 0; i < options.streams.size(); ++i) {
    const std::string& name = options.streams[i].name;
    const auto before = std::span(options.streams).first(i);
    if (std::ranges::find(before, name, &KeptStreamOptions::name) == before.end() &&
        std::ranges::find(options.models, name, &ModelOptions::name) == options.models.end())
      continue;
    const config::Node& node = root.find("streams")->items[i];
    throw config::complaint(node.location, node.path + ".name",
                            "another stream or model is called '" + name + "' too");
  }
}

}  // namespace

std::string read_token(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string token;
  std::getline(file, token);
  if (token.size() < 16)
    throw Failure(Errc::configuration, path.string() +
                                           ": the token is missing or shorter than 16 characters; write one "
                                           "with: head -c 32 /dev/urandom | base64 > " +
                                           path.string());
  return token;
}

std::vector<drivers::Choice> driver_choices(const Options& options) {
  std::vector<drivers::Choice> choices{options.process.driver};
  for (const ModelOptions& model : options.models)
    if (model.driver) choices.push_back(*model.driver);
  return choices;
}

Options options_of(const config::Node& root) {
  auto options = config::read<Options>(root);
  note_places(options, root);
  check_models(options, root);
  check_hrm(options, root);
  check_folder(root, "state", options.state);
  if (options.hrm.trace) check_folder(options.hrm.said, "trace", *options.hrm.trace);
  check_streams(options, root);
  return options;
}

Options read_options(const std::filesystem::path& file) { return options_of(config::load_file(file)); }

}  // namespace dormouse::daemon
