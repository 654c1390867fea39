#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>

#include "engine/formats/atomic_file.h"
#include "engine/formats/safetensors.h"
#include "learning/families.h"
#include "learning/model_spec.h"

namespace dormouse::learning {
namespace {

namespace fs = std::filesystem;

/// JSON is YAML.
template <class T>
std::string flow(const T& value) {
  return boost::json::serialize(boost::json::value_from(value));
}

bool begins_with_one_of(const std::string& text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return text.starts_with(word); });
}

void replace(std::string& text, std::string_view from, std::string_view to) {
  if (const auto at = text.find(from); at != text.npos) text.replace(at, from.size(), to);
}

/// Beyond so many numbers an answer a layer for all of them at once is larger than a network that goes on in
/// time.
constexpr std::int64_t kMostAtOnce = 128;

/// The family's layers as they tell numbers: they measure their input, and end in as many outputs.
std::vector<std::string> number_layers(std::vector<std::string> layers, const ModelRequest& request) {
  const bool table = begins_with_one_of(layers.front(), {"linear", "bit_linear", "flatten"});
  const bool recurrent = begins_with_one_of(layers.front(), {"lstm", "gru", "cfc", "linoss"});
  const bool forecast = request.task == TaskKind::forecast;
  const std::int64_t targets = request.outputs > 0 ? request.outputs : request.channels;
  replace(layers.back(), "units: labels", "units: outputs");
  if (forecast && recurrent && request.horizon * targets > kMostAtOnce) {
    replace(layers.front(), "}", ", output: sequence}");
    layers.back() = "forecast";
    layers.insert(layers.begin(), "extend");
  }
  const bool together = request.channels == 1 && (forecast || !table || request.height > 0);
  layers.insert(layers.begin(), together ? "normalise: {together: true}" : "normalise");
  return layers;
}

constexpr const char* kNumberTraining =
    "epochs: 30, batch: 32, rate: 0.003, optimiser: {rule: adamw, clip_norm: 1}";

/// What it answers with.
std::string answer_text(const ModelRequest& request) {
  if (request.task == TaskKind::classification)
    return request.labels.empty() ? "outputs: " + std::to_string(request.outputs) + "\n"
                                  : "labels: " + flow(request.labels) + "\n";
  std::string text = "task: " + std::string(word(request.task)) + "\n";
  if (request.task == TaskKind::forecast) text += "horizon: " + std::to_string(request.horizon) + "\n";
  if (!request.labels.empty())
    text += "targets: " + flow(request.labels) + "\n";
  else if (request.task == TaskKind::regression)
    text += "outputs: " + std::to_string(request.outputs) + "\n";
  return text;
}

std::string spec_text(const Family& family, const ModelRequest& request, const fs::path& path,
                      const std::string& weights) {
  FamilySpec parts = family.describe(request);
  if (request.task != TaskKind::classification) {
    parts.layers = number_layers(std::move(parts.layers), request);
    parts.train = kNumberTraining;
  }
  std::string text = "# " + std::string(family.name) + ": " + std::string(family.summary) + "\n";
  text += "model: " + flow(path.stem().string()) + "\n";
  text += "input: {rows: " + std::to_string(request.rows) +
          ", channels: " + std::to_string(request.channels) +
          (request.columns.empty() ? "" : ", columns: " + flow(request.columns)) + "}\n";
  text += "layers:\n";
  for (const std::string& layer : parts.layers) text += "  - " + layer + "\n";
  text += answer_text(request);
  text += "weights: " + flow(weights) + "\n";
  text += "train: {" + parts.train + ", seed: " + std::to_string(request.seed) + "}\n";
  return text;
}

BuiltModel built(const std::string& text, const std::string& name, std::uint64_t seed) {
  ModelSpec spec = read_model_spec(config::load_text(text, name));
  spec.weights.clear();
  Random random(seed);
  return build_model(spec, static_cast<std::size_t>(spec.outputs), random);
}

}  // namespace

engine::Graph new_model(const Family& family, const ModelRequest& request) {
  const std::string name(family.name);
  return std::move(built(spec_text(family, request, name, name), name, request.seed).graph);
}

void refuse_to_overwrite(const fs::path& path) {
  if (fs::exists(path))
    throw Failure(Errc::invalid, path.string() + ": is there already; --force replaces it");
}

engine::Graph write_new_model(const Family& family, const ModelRequest& request, const fs::path& path,
                              bool overwrite) {
  const fs::path weights = fs::path(path).replace_extension(".safetensors");
  if (weights == path)
    throw Failure(Errc::invalid, path.string() + ": is where the weights go; name the spec FILE.yaml");
  if (!overwrite) {
    refuse_to_overwrite(path);
    refuse_to_overwrite(weights);
  }
  const std::string text = spec_text(family, request, path, weights.filename().string());
  BuiltModel model = built(text, path.string(), request.seed);
  engine::write_safetensors(weights.string(), {weights_of(model), {{"format", "dormouse-weights-1"}}});
  engine::write_file(path.string(), text);
  return std::move(model.graph);
}

}  // namespace dormouse::learning
