#include "daemon/service/shipped_files.h"

#include <algorithm>
#include <array>

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

}  // namespace dormouse::daemon
