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

std::string spec_text(const Family& family, const ModelRequest& request, const fs::path& path,
                      const std::string& weights) {
  const FamilySpec parts = family.describe(request);
  std::string text = "# " + std::string(family.name) + ": " + std::string(family.summary) + "\n";
  text += "model: " + flow(path.stem().string()) + "\n";
  text += "input: {rows: " + std::to_string(request.rows) +
          ", channels: " + std::to_string(request.channels) + "}\n";
  text += "layers:\n";
  for (const std::string& layer : parts.layers) text += "  - " + layer + "\n";
  text += request.labels.empty() ? "outputs: " + std::to_string(request.outputs)
                                 : "labels: " + flow(request.labels);
  text += "\nweights: " + flow(weights) + "\n";
  text += "train: {" + parts.train + ", seed: " + std::to_string(request.seed) + "}\n";
  return text;
}

}  // namespace

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
  ModelSpec spec = read_model_spec(config::load_text(text, path.string()));
  spec.weights.clear();
  Random random(request.seed);
  BuiltModel model = build_model(spec, static_cast<std::size_t>(spec.outputs), random);
  engine::write_safetensors(weights.string(), {weights_of(model), {{"format", "dormouse-weights-1"}}});
  engine::write_file(path.string(), text);
  return std::move(model.graph);
}

}  // namespace dormouse::learning
