#include "learning/anomaly_spec.h"

#include <boost/json/serialize.hpp>
#include <charconv>

#include "engine/formats/atomic_file.h"
#include "learning/families.h"

namespace dormouse::learning {
namespace {

std::string shortest(double number) {
  char text[400];  // of any double
  return {text, std::to_chars(text, text + sizeof text, number, std::chars_format::fixed).ptr};
}

}  // namespace

std::string text_of(const AnomalyOptions& options) {
  return "{channels: " + std::to_string(options.channels) +
         ", false_alarms: " + shortest(options.false_alarms) + ", hidden: " + std::to_string(options.hidden) +
         ", oscillators: " + std::to_string(options.oscillators) + ", rate: " + shortest(options.rate) +
         ", seed: " + std::to_string(options.seed) + "}";
}

void bind_options(config::Binder& binder, AnomalyOptions& options) {
  binder.required("channels", options.channels, config::range(1, AnomalyOptions::kMostChannels));
  binder.optional("false_alarms", options.false_alarms,
                  config::range(AnomalyOptions::kLeastRate, AnomalyOptions::kMostRate));
  binder.optional("hidden", options.hidden, config::range(1, AnomalyOptions::kWidest));
  binder.optional("oscillators", options.oscillators, config::range(1, AnomalyOptions::kWidest));
  binder.optional("rate", options.rate, config::range(1e-9, 1.0));
  binder.optional("seed", options.seed);
}

AnomalyOptions read_anomaly_spec(const std::filesystem::path& path) {
  const config::Node root = config::load_file(path);
  config::Binder binder(root);
  std::string name;
  AnomalyOptions options;
  binder.required("model", name);
  binder.required("anomaly", options);
  binder.finish();
  return options;
}

void write_anomaly_spec(const std::filesystem::path& path, const AnomalyOptions& options, bool overwrite) {
  check(options);
  if (!overwrite) refuse_to_overwrite(path);
  engine::write_file(
      path.string(),
      "# anomaly: foretells a stream, learns from it, and says what is unusual. false_alarms is a sample's.\n"
      "model: " +
          boost::json::serialize(boost::json::value(path.stem().string())) +
          "\nanomaly: " + text_of(options) + "\n");
}

}  // namespace dormouse::learning
