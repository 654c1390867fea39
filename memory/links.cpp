#include "memory/links.h"

namespace dormouse::memory {

std::string_view word(LinkKind kind) {
  switch (kind) {
    case LinkKind::confused_with:
      return "confused-with";
    case LinkKind::follows:
      return "follows";
    case LinkKind::seen_together:
      return "seen-together";
  }
  return "unknown";
}

std::optional<std::size_t> LinkTally::place_of(const Episode& episode, const std::string& label) const {
  const ConceptMatch near = nearest_of(concepts_, dequantise(episode.latent), label);
  if (near.match == nullptr || near.match->embedding_version != episode.embedding_version)
    return std::nullopt;
  return static_cast<std::size_t>(near.match - concepts_.data());
}

void LinkTally::count(std::size_t source, std::size_t target, LinkKind kind) {
  if (source != target) ++counts_[{source, target, kind}];
}

void LinkTally::see(const Episode& episode) {
  const auto place = place_of(episode, episode.label.value_or(episode.prediction));
  if (!place) return;
  const Sight now{episode.stream, episode.time, *place};
  std::erase_if(moment_, [&](const Sight& seen) { return now.time - seen.time > kMoment; });
  for (const Sight& seen : moment_) {
    const bool batch = seen.stream == now.stream && seen.time == now.time;
    if (batch || seen.stream != now.stream)
      count(std::min(seen.concept_at, *place), std::max(seen.concept_at, *place), LinkKind::seen_together);
  }
  moment_.push_back(now);
  const auto before = last_.find(now.stream);
  if (before != last_.end() && now.time > before->second.time && now.time - before->second.time <= kGap)
    count(before->second.concept_at, *place, LinkKind::follows);
  last_.insert_or_assign(now.stream, now);
}

void LinkTally::corrected(const Episode& episode) {
  if (!episode.label || *episode.label == episode.prediction) return;
  const auto said = place_of(episode, episode.prediction), meant = place_of(episode, *episode.label);
  if (said && meant) count(*said, *meant, LinkKind::confused_with);
}

std::vector<ObservedLink> LinkTally::links() const {
  std::vector<ObservedLink> links;
  for (const auto& [key, number] : counts_)
    links.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), number});
  return links;
}

}  // namespace dormouse::memory
