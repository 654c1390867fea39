#include "config/binder.h"

#include <algorithm>

namespace dormouse::config {

Binder::Binder(const Node& section) : section_(section) {
  if (section.kind != Node::Kind::map && section.kind != Node::Kind::null)
    throw mismatch(section, "a section");
}

const Node* Binder::take(std::string_view key) {
  known_.push_back(key);
  return section_.find(key);
}

Failure Binder::missing(std::string_view key) const {
  return complaint(section_.location, section_.path, "'" + std::string(key) + "' is required, but missing");
}

Failure Binder::wrong(std::string_view key, std::string_view message) const {
  const Node* node = section_.find(key);
  return node != nullptr ? complaint(node->location, node->path, message)
                         : complaint(section_.location, section_.path, message);
}

void Binder::finish() const {
  for (const Entry& entry : section_.entries) {
    if (std::ranges::find(known_, entry.key) != known_.end()) continue;
    throw complaint(entry.location, entry.value.path, "unknown key" + did_you_mean(entry.key, known_));
  }
}

}  // namespace dormouse::config
