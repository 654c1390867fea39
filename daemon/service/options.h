#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/binder.h"
#include "daemon/service/night_triggers.h"
#include "drivers/choice.h"
#include "hrm/certificate.h"
#include "hrm/router.h"
#include "learning/sleep.h"
#include "learning/trainable.h"
#include "memory/options.h"

namespace dormouse::daemon {

/// daemon: the process and its sockets.
struct ProcessOptions {
  std::filesystem::path socket = "/run/dormouse/dormouse.sock";
  std::filesystem::path admin_socket = "/run/dormouse/admin.sock";
  std::optional<std::uint16_t> tcp;    ///< a port on 127.0.0.1
  std::filesystem::path token_file;    ///< what clients over TCP must show
  std::optional<std::size_t> threads;  ///< that compute; nothing: as many as keep every core busy
  std::size_t threads_per_inference = 1;
  std::size_t queue = 256;                              ///< requests that may wait for their turn
  drivers::Choice driver = drivers::Choice::automatic;  ///< of models and streams that do not say
  std::string device;                                   ///< of Vulkan, as drivers::TableOptions::device
};

/// models[].stream: turns pushed samples into inputs.
struct StreamOptions {
  std::int64_t channels = 1;
  double rate = 0;          ///< samples a second; 0: any
  std::int64_t window = 0;  ///< rows of one input; 0: what the model takes
  std::int64_t hop = 0;     ///< rows from one window to the next; 0: a whole window
  enum class Normalise { none, seed } normalise = Normalise::seed;
  bool novelty = false;  ///< watch every channel for what was not there before
};

/// models[].batching: requests that come close together are computed together.
struct BatchingOptions {
  std::int64_t max = 8;                                            ///< rows of one batch
  std::chrono::microseconds delay = std::chrono::milliseconds(2);  ///< the longest wait for others
};

/// Which fast weights act between nights.
enum class FastWeights { automatic, ridge, slda, sgd };

/// models[]: a model and how it is used.
struct ModelOptions {
  std::string name;
  std::filesystem::path path;
  std::vector<std::string> labels;        ///< empty: what the file's metadata say; still none: it only infers
  std::optional<drivers::Choice> driver;  ///< nothing: the process's
  std::string cut;  ///< empty: the file's metadata, else the input of the last linear layer
  learning::Trainable trainable;
  std::filesystem::path seed;
  std::optional<StreamOptions> stream;
  std::string planner;                ///< another model's name
  std::optional<std::int64_t> steps;  ///< that a planner's step is looped at most; nothing: as it needs
  std::string exit;  ///< the value that answers, of which only what it needs is run; empty: the first output
  FastWeights fast = FastWeights::automatic;
  std::optional<config::Bytes> memory_budget;  ///< that its inference may take; nothing: any
  std::optional<std::size_t> concurrency;      ///< inferences at once; nothing: as many as fit
  std::optional<BatchingOptions> batching;     ///< nothing: each request by itself
  config::Node said = {};                      ///< where a file says so, for complaints; else empty
};

/// streams[]: a stream with a state of its own, which is kept: a detector of anomalies, or a model that takes
/// a sample at a time.
struct KeptStreamOptions {
  std::string name;
  std::filesystem::path model;  ///< what `dormouse new anomaly` or `dormouse export --stream` wrote
  std::chrono::milliseconds save = std::chrono::minutes(5);  ///< of its state that a power cut may cost
  std::vector<std::string> labels = {};                      ///< of a model; empty: what its file says
  std::filesystem::path seed = {};                           ///< of a model: how samples are normalised
  config::Node said = {};                                    ///< as of a model

  /// A spec, of a detector; else it is a model's file.
  bool detects() const { return model.extension() == ".yaml" || model.extension() == ".yml"; }
};

/// hrm: how far an input is thought about.
struct HrmOptions {
  hrm::RouterOptions router;         ///< mixing and temperature: as far as nothing else is said or learnt
  std::optional<float> mixing;       ///< nothing: learnt from held-out examples
  std::optional<float> temperature;  ///< likewise
  /// An answer that nothing made sure of becomes a set of labels, which misses the right one for this share
  /// of all inputs at most; nothing: the likeliest label stands.
  std::optional<double> abstain;
  std::size_t neighbours = 16;
  /// Of the answers that a model with a planner gives by itself, how many may differ from what the planner
  /// says; nothing: `accept` decides.
  std::optional<double> target_error;
  /// Of an answer, from the request on: the planner is asked only if that leaves time for most of its runs,
  /// else the answer is provisional, and the planner's comes later.
  std::optional<std::chrono::microseconds> latency_budget;
  /// While so many rows of requests wait for their turn, the planner is put off likewise.
  std::optional<std::size_t> busy;
  double delta = 0.05;                         ///< how probable it may be that audits mislead
  double audit = 0.05;                         ///< share of requests that both models answer
  std::optional<std::filesystem::path> trace;  ///< a folder; audits are recorded there, a file a model
  config::Bytes trace_limit{64 << 20};         ///< of such a file, and of the one before
  config::Node said = {};                      ///< as of a model

  hrm::Promise promise() const { return {.target_error = target_error.value_or(0.01), .delta = delta}; }
};

/// sleep: when and how the model learns for good.
struct NightOptions {
  std::optional<std::chrono::milliseconds> idle;  ///< start by itself when nothing was asked for so long …
  std::optional<NightWindow> window;              ///< … at this time of day …
  std::size_t every = 200;                        ///< … and so many labels are new
  std::chrono::milliseconds budget = std::chrono::minutes(10);
  std::optional<double> energy;  ///< J; what was learnt by then goes to the dream check
  double watts = 4;              ///< what a busy core draws, where RAPL does not say
  std::chrono::milliseconds journal = std::chrono::seconds(10);  ///< of work that a power cut may cost
  bool on_battery = false;                                       ///< sleep on battery too
  std::optional<double> max_temperature = 75;                    ///< °C; above it a night pauses
  double fast_lr = 0.01;
  /// Rehearse unlabelled episodes under the model's own answer where its calibrated confidence is at least
  /// this; nothing: never.
  std::optional<float> self_label;
  bool live_guard = true;  ///< roll a version back when people's labels show it to be worse
  learning::SleepOptions cycle;
};

/// privacy.dp: DP-SGD for the nights of each model.
struct DpOptions : learning::PrivacyOptions {};

struct PrivacyOptions {
  std::optional<DpOptions> dp;
};

struct Options {
  ProcessOptions process;
  std::filesystem::path state = "/var/lib/dormouse";
  std::vector<ModelOptions> models;
  std::vector<KeptStreamOptions> streams;
  HrmOptions hrm;
  memory::Options memory;
  NightOptions sleep;
  PrivacyOptions privacy;
};

/// What is wrong with `key` of a section, or with all of it: a Failure(configuration), with the place where
/// a file says so.
Failure complaint(const config::Node& said, std::string_view key, const std::string& what);
/// The same of a file that `key` names and that `failure` says cannot be used: damaged, missing, of no use
/// here. Another start would fare no better. What is no file's fault, or told already, stays what it was.
Failure unusable(const config::Node& said, std::string_view key, const std::string& whose,
                 const Failure& failure);

/// The secret that clients over TCP must show. Throws Failure(configuration) when it is short of one.
std::string read_token(const std::filesystem::path& path);

/// What models and streams may be computed by: the process's choice, and those of models.
std::vector<drivers::Choice> driver_choices(const Options& options);

/// Checks a configuration that has been parsed. Paths stay as they are. Throws as read_options does.
Options options_of(const config::Node& root);

/// Reads and checks a configuration file (and conf.d/*.yaml beside it). Relative paths are relative to the
/// file's folder. Throws Failure(configuration) with file:line:column.
Options read_options(const std::filesystem::path& file);

}  // namespace dormouse::daemon
