#include "daemon/service/consolidated.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>

#include "config/error.h"
#include "config/log.h"

namespace dormouse::daemon {
namespace {

using memory::EpisodeId;

/// No label holds a control character.
std::string key_of(const std::string& model, const std::string& label) {
  return "consolidated/" + model + '\n' + label;
}

/// An entry's head; the statistics follow it.
struct Head {
  std::int64_t embedding = 0;
  EpisodeId first = ~EpisodeId{0}, last = 0;  ///< ids that went in lie between, these included
  std::int64_t earliest = 0;                  ///< of their times, in ticks of Clock::Wall
};
static_assert(sizeof(Head) == 32);

std::optional<Head> head_of(std::string_view entry) {
  if (entry.size() < sizeof(Head)) return std::nullopt;
  Head head;
  std::memcpy(&head, entry.data(), sizeof(head));
  return head;
}

/// A class as the entry has it. Throws Failure(corrupt) where it is of another width.
learning::ClassStatistics statistics_of(std::string_view entry, std::size_t width, const std::string& key) {
  return learning::class_statistics(entry.substr(sizeof(Head)), width, key);
}

/// The entry of a class in this embedding, if there is one.
std::optional<std::string> stored(const memory::Store& store, const std::string& key,
                                  std::int64_t embedding) {
  auto entry = store.get(key);
  const auto head = entry ? head_of(*entry) : std::nullopt;
  return head && head->embedding == embedding ? entry : std::nullopt;
}

/// The same, as statistics; of another width it was another model's that had this name.
std::optional<learning::ClassStatistics> stored_statistics(const std::optional<std::string>& entry,
                                                           std::size_t width, const std::string& key) {
  if (!entry) return std::nullopt;
  try {
    return statistics_of(*entry, width, key);
  } catch (const Failure& failure) {
    log(Level::warning, failure.error().context + "; passed over");
    return std::nullopt;
  }
}

memory::Entry with(const memory::Store& store, const std::string& key, std::int64_t embedding,
                   const std::vector<const memory::Episode*>& let_go) {
  const std::size_t width = let_go.back()->latent.codes.size();  // another model may have had this name
  const auto entry = stored(store, key, embedding);
  auto statistics = stored_statistics(entry, width, key);
  Head head{.embedding = embedding, .earliest = Clock::Wall::max().time_since_epoch().count()};
  if (statistics) head = *head_of(*entry);
  if (!statistics) statistics.emplace(width);
  for (const memory::Episode* episode : let_go) {
    if (episode->latent.codes.size() != width) continue;
    statistics->add(memory::dequantise(episode->latent));
    head.first = std::min(head.first, episode->id);
    head.last = std::max(head.last, episode->id);
    head.earliest = std::min<std::int64_t>(head.earliest, episode->time.time_since_epoch().count());
  }
  std::string value(reinterpret_cast<const char*>(&head), sizeof(head));
  return {key, value + learning::to_bytes(*statistics)};
}

bool may_hold(const Head& head, const std::string& label, const memory::Store& store,
              const memory::Selection& selection) {
  if (selection.label && label != *selection.label) return false;
  if (selection.before && head.earliest >= selection.before->time_since_epoch().count()) return false;
  if (!selection.ids) return true;
  return std::ranges::any_of(*selection.ids, [&](EpisodeId id) {
    return id >= head.first && id <= head.last && !store.find(id);  // what memory holds has not gone in
  });
}

}  // namespace

std::vector<memory::Entry> consolidated_with(const memory::Store& store,
                                             std::span<const memory::Episode> let_go) {
  std::map<std::string, std::int64_t> embeddings;  // by model
  std::map<std::string, std::vector<const memory::Episode*>> classes;
  for (const memory::Episode& episode : let_go) {
    if (!episode.label || episode.held_out()) continue;
    auto known = embeddings.find(episode.model);
    if (known == embeddings.end())
      known = embeddings.emplace(episode.model, store.embedding_version(episode.model)).first;
    if (episode.embedding_version == known->second)
      classes[key_of(episode.model, *episode.label)].push_back(&episode);
  }
  std::vector<memory::Entry> entries;
  for (const auto& [key, episodes] : classes)
    entries.push_back(with(store, key, embeddings.at(episodes.front()->model), episodes));
  return entries;
}

learning::Statistics consolidated(const memory::Store& store, const std::string& model,
                                  std::span<const std::string> labels, std::size_t width) {
  const std::int64_t embedding = store.embedding_version(model);
  learning::Statistics statistics(labels.size(), learning::ClassStatistics(width));
  for (std::size_t c = 0; c < labels.size(); ++c) {
    const std::string key = key_of(model, labels[c]);
    if (auto found = stored_statistics(stored(store, key, embedding), width, key))
      statistics[c] = std::move(*found);
  }
  return statistics;
}

std::vector<memory::Entry> consolidated_without(const memory::Store& store,
                                                const memory::Selection& selection,
                                                std::span<const std::string> labels) {
  std::vector<memory::Entry> entries;
  for (const std::string& label : labels) {
    const std::string key = key_of(selection.model, label);
    const auto entry = store.get(key);
    const auto head = entry ? head_of(*entry) : std::nullopt;  // whatever its embedding
    if (head && may_hold(*head, label, store, selection)) entries.push_back({key, ""});
  }
  return entries;
}

}  // namespace dormouse::daemon
