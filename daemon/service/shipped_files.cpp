#include "daemon/service/shipped_files.h"

#include <algorithm>
#include <array>

#include "config/scalars.h"
#include "config/text.h"
#include "drivers/digest.h"

namespace dormouse::daemon {
namespace {

std::int64_t shipped_embedding(memory::Store& store, const std::string& model, const std::string& file) {
  const std::string key = "files/" + model;
  std::string files = store.get(key).value_or("");
  const std::vector<std::string> known = config::split_list(files);
  const auto found = std::ranges::find(known, file);
  if (found == known.end()) {
    config::list(files, file, ",");
    store.put(std::array{memory::Entry{key, files}});
  }
  return known.begin() - found;
}

std::string digest_of(const engine::InputNormaliser& normaliser) {
  drivers::Digester digest(drivers::Digester::kOpen);
  for (const auto& numbers : {normaliser.mean, normaliser.deviation})
    digest.add(std::as_bytes(std::span(numbers)));
  return digest.finish().hex();
}

std::string entry_of(const std::string& file, memory::EpisodeId since, const std::string& inputs) {
  return file + "," + std::to_string(since) + "," + inputs;
}

}  // namespace

FileInService file_in_service(memory::Store& store, const ModelParts& parts) {
  const std::string& model = parts.options.name;
  const std::string key = "file/" + model, inputs = digest_of(parts.normaliser);
  const auto left = [&](const std::string& file) { return "left/" + model + "/" + file; };
  FileInService now{shipped_embedding(store, model, parts.file), store.active_version(model)};
  const std::vector<std::string> known = config::split_list(store.get(key).value_or(""));
  if (known.size() == 3 && known[0] != parts.file) {
    now.since = store.reserve_ids(1).first;
    now.replaced = true;
    now.same_inputs = known[2] == inputs;
    const auto returns = config::parse_number<std::int64_t>(store.get(left(parts.file)).value_or("0"));
    store.put(std::array{memory::Entry{left(known[0]), std::to_string(now.active)},
                         memory::Entry{key, entry_of(parts.file, now.since, inputs)}});
    now.active = returns.value_or(0);
    return now;
  }
  if (known.size() == 3) now.since = config::parse_number<memory::EpisodeId>(known[1]).value_or(0);
  const std::string entry = entry_of(parts.file, now.since, inputs);
  if (store.get(key) != entry) store.put(std::array{memory::Entry{key, entry}});
  return now;
}

}  // namespace dormouse::daemon
