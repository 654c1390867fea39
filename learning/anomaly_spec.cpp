#include "learning/anomaly_spec.h"

#include <boost/json/serialize.hpp>
#include <cstdio>

#include "engine/formats/atomic_file.h"
#include "learning/families.h"

namespace dormouse::learning {
namespace {

std::string text_of(const std::string& name, const AnomalyOptions& options) {
  char numbers[256];
  std::snprintf(
      numbers, sizeof numbers,
      "{channels: %lld, false_alarms: %.9g, hidden: %lld, oscillators: %lld, rate: %.9g, seed: %llu}",
      static_cast<long long>(options.channels), options.false_alarms, static_cast<long long>(options.hidden),
      static_cast<long long>(options.oscillators), options.rate,
      static_cast<unsigned long long>(options.seed));
  return "# anomaly: foretells a stream, learns from it, and says what is unusual. false_alarms is a "
         "sample's.\n"
         "model: " +
         boost::json::serialize(boost::json::value(name)) + "\nanomaly: " + numbers + "\n";
}

}  // namespace

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
  engine::write_file(path.string(), text_of(path.stem().string(), options));
}

}  // namespace dormouse::learning
