#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "daemon/service/configured_models.h"
#include "daemon/service/model_stream.h"
#include "daemon/service/routing.h"
#include "daemon/verbs/all_verbs.h"
#include "drivers/all_drivers.h"
#include "learning/anomaly_spec.h"

namespace dormouse::daemon {
namespace {

/// The configuration, and whether every model and seed in it can be loaded.
int run(const Arguments& arguments) {
  const Options options = read_options(arguments.config());
  const std::filesystem::path& token = options.process.token_file;
  const bool may_look = ::access(token.c_str(), R_OK) == 0;  // it may be for the daemon's eyes only
  if (options.process.tcp && may_look) read_token(token);
  boost::json::array models;
  for (const auto& parts : load_models(options, drivers::all_drivers())) {
    const std::string& name = parts->options.name;
    open_session(*parts, nullptr);
    boost::json::object line{{"name", name}, {"nodes", parts->graph.nodes().size()}};
    if (parts->learnable) {
      line["classes"] = parts->learnable->labels.size();
      line["latent"] = parts->learnable->latent_size;
      line["seed"] = parts->learnable->seed.has_value();
    }
    if (!arguments.json()) {
      std::cout << name << ": " << parts->graph.nodes().size() << " operators";
      if (parts->learnable)
        std::cout << ", " << parts->learnable->labels.size() << " classes, latent of "
                  << parts->learnable->latent_size
                  << (parts->learnable->seed ? ", with seed memory" : ", without seed memory");
      else if (parts->thinker)
        std::cout << ", a step of a planner (" << parts->thinker->planner.puzzle() << "), which is looped";
      else
        std::cout << ", only infers (no labels)";
      std::cout << "\n";
    }
    models.push_back(std::move(line));
    trace_of(*parts, options.hrm, true);
  }
  boost::json::array streams;
  for (const KeptStreamOptions& stream : options.streams) {
    std::int64_t channels = 0;
    std::string what;
    if (stream.detects()) {
      channels = learning::read_anomaly_spec(stream.model).channels;
      what = "finds anomalies in " + std::to_string(channels) + " channels";
    } else {
      const auto model = load_stream_model(stream, drivers::all_drivers());
      const StreamAnswers answers(stream, *model);
      channels = model->runner.channels();
      what = "answers each sample of " + std::to_string(channels) + " channels with " +
             (answers.labels.empty() ? std::to_string(model->runner.answers()) + " values"
                                     : "one of " + std::to_string(answers.labels.size()) + " classes");
    }
    if (!arguments.json()) std::cout << stream.name << ": " << what << "\n";
    streams.push_back(boost::json::object{{"name", stream.name}, {"channels", channels}});
  }
  if (arguments.json())
    std::cout << boost::json::serialize(
                     boost::json::object{{"ok", true}, {"models", models}, {"streams", streams}})
              << "\n";
  else
    std::cout << arguments.config() << " is valid\n";
  return kOk;
}

}  // namespace

extern const Verb check_verb{.name = "check",
                             .group = "run",
                             .summary = "say whether the configuration and its models are valid",
                             .arguments = "--config FILE",
                             .example = "dormouse check --config /etc/dormouse/dormouse.yaml",
                             .options = {},
                             .run = run};

}  // namespace dormouse::daemon
