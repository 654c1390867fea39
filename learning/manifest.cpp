#include "learning/manifest.h"

#include <boost/json.hpp>

namespace dormouse::learning {
namespace {

namespace json = boost::json;

constexpr std::int64_t kManifestFormat = 1;

Manifest read(const json::object& root) {
  Manifest manifest;
  if (root.at("format").to_number<std::int64_t>() != kManifestFormat)
    throw std::invalid_argument("an unknown format");
  Version& version = manifest.version;
  version.number = root.at("version").to_number<std::int64_t>();
  version.parent = root.at("parent").to_number<std::int64_t>();
  version.sleep = json::value_to<std::string>(root.at("sleep"));
  version.time = json::value_to<std::string>(root.at("time"));
  version.accepted = root.at("accepted").as_bool();
  version.labels = json::value_to<std::vector<std::string>>(root.at("labels"));
  version.temperature = root.at("temperature").to_number<float>();
  if (const json::value* embedding = root.if_contains("embedding"))
    version.embedding = embedding->to_number<std::int64_t>();
  if (const json::value* file = root.if_contains("model")) version.file = json::value_to<std::string>(*file);
  version.arbiter.slow = json::value_to<std::vector<float>>(root.at("arbiter").at("slow"));
  version.arbiter.fast = json::value_to<std::vector<float>>(root.at("arbiter").at("fast"));
  for (const auto& [name, extents] : root.at("shapes").as_object())
    manifest.shapes.emplace(name, engine::Shape(json::value_to<std::vector<std::int64_t>>(extents)));
  for (const auto& [name, hash] : root.at("files").as_object())
    manifest.sha256.emplace(name, json::value_to<std::string>(hash));
  return manifest;
}

}  // namespace

std::string to_json(const Manifest& manifest) {
  const Version& version = manifest.version;
  json::object shapes, files;
  for (const auto& [name, shape] : manifest.shapes) shapes[name] = json::value_from(shape.extents());
  for (const auto& [name, hash] : manifest.sha256) files[name] = hash;
  const json::object root{
      {"format", kManifestFormat},
      {"dormouse", DORMOUSE_VERSION},
      {"version", version.number},
      {"parent", version.parent},
      {"sleep", version.sleep},
      {"time", version.time},
      {"accepted", version.accepted},
      {"labels", json::value_from(version.labels)},
      {"temperature", version.temperature},
      {"embedding", version.embedding},
      {"model", version.file},
      {"arbiter",
       {{"slow", json::value_from(version.arbiter.slow)}, {"fast", json::value_from(version.arbiter.fast)}}},
      {"shapes", std::move(shapes)},
      {"files", std::move(files)}};
  return json::serialize(root) + "\n";
}

Manifest parse_manifest(std::string_view text, const std::string& name) {
  try {
    return read(json::parse({text.data(), text.size()}).as_object());
  } catch (const std::exception& failure) {
    throw Failure(Errc::corrupt, name + ": not a manifest: " + failure.what());
  }
}

}  // namespace dormouse::learning
