#include "daemon/service/shipped_files.h"

#include <algorithm>
#include <array>

#include "config/scalars.h"
#include "config/text.h"

namespace dormouse::daemon {

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

FileInService file_in_service(memory::Store& store, const std::string& model, const std::string& file) {
  FileInService now{shipped_embedding(store, model, file), store.active_version(model)};
  const std::string key = "file/" + model;
  const auto left = [&](const std::string& other) { return "left/" + model + "/" + other; };
  const std::vector<std::string> known = config::split_list(store.get(key).value_or(file + ",0"));
  if (known.size() == 2 && known[0] == file) {
    now.since = config::parse_number<memory::EpisodeId>(known[1]).value_or(0);
    if (now.since == 0) store.put(std::array{memory::Entry{key, file + ",0"}});
    return now;
  }
  now.since = store.reserve_ids(1).first;
  now.replaced = true;
  store.put(std::array{memory::Entry{left(known[0]), std::to_string(now.active)},
                       memory::Entry{key, file + "," + std::to_string(now.since)}});
  now.active = config::parse_number<std::int64_t>(store.get(left(file)).value_or("0")).value_or(0);
  return now;
}

}  // namespace dormouse::daemon
