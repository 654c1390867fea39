#include "daemon/verbs/resources.h"

#include <limits>
#include <memory>
#include <string>

namespace dormouse::daemon {

std::size_t threads_of(const Arguments& arguments) {
  const std::int64_t threads = arguments.integer("threads").value_or(1);
  if (threads < 1 || threads > 256) throw UsageError{"--threads must be from 1 to 256"};
  return static_cast<std::size_t>(threads);
}

std::optional<config::Bytes> memory_of(const Arguments& arguments) {
  const auto text = arguments.value("memory");
  if (!text) return std::nullopt;
  config::Node node;
  node.kind = config::Node::Kind::scalar;
  node.location.file = std::make_shared<std::string>("--memory");
  node.text = *text;
  try {
    return config::read_bytes(node, {1}, {std::numeric_limits<std::int64_t>::max()});
  } catch (const Failure&) {
    throw UsageError{"--memory must be a size such as 64kB or 512MiB, not '" + *text + "'"};
  }
}

}  // namespace dormouse::daemon
