#include "daemon/verbs/resources.h"

#include <array>
#include <limits>
#include <memory>
#include <string>

#include "config/text.h"
#include "drivers/all_drivers.h"

namespace dormouse::daemon {

std::size_t threads_of(const Arguments& arguments) {
  const std::int64_t threads = arguments.integer("threads").value_or(1);
  if (threads < 1 || threads > 256) throw UsageError{"--threads must be from 1 to 256"};
  return static_cast<std::size_t>(threads);
}

drivers::Choice choice_of(const std::string& word, std::string_view more) {
  if (const auto choice = drivers::parse_choice(word)) return *choice;
  std::vector<std::string_view> words;
  for (const auto& [known, value] : drivers::choice_words()) words.push_back(known);
  if (!more.empty()) words.push_back(more);
  throw UsageError{"--driver is one of " + config::join(words) + ", not '" + word + "'"};
}

std::vector<const engine::Driver*> drivers_of(const Arguments& arguments, drivers::TableOptions options) {
  const auto word = arguments.value("driver"), device = arguments.value("device");
  if (!word && !device) {
    const auto all = options.busy ? drivers::busy_drivers(options.threads)
                                  : drivers::all_drivers(options.threads, options.packed);
    return {all.begin(), all.end()};
  }
  const auto choice = word ? choice_of(*word) : drivers::Choice::vulkan;
  return drivers::open_table(table_options(arguments, std::move(options)), std::array{choice}).chosen(choice);
}

drivers::TableOptions table_options(const Arguments& arguments, drivers::TableOptions options) {
  options.device = arguments.value_or("device", "");
  if (const auto folder = drivers::cache_folder(); !folder.empty())
    options.measured = folder.parent_path() / "measured";
  return options;
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
