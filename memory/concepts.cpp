#include "memory/concepts.h"

#include <algorithm>
#include <cmath>

#include "config/error.h"
#include "memory/cluster.h"

namespace dormouse::memory {
namespace {

constexpr std::uint64_t kSeed = 0x646f726d;  // any: it only has to stay the same

/// The heaviest first, as far as they are centres to start from.
std::vector<const Concept*> starting_points(const std::vector<Concept>& earlier, std::size_t k) {
  std::vector<const Concept*> chosen;
  for (const Concept& known : earlier) chosen.push_back(&known);
  std::ranges::stable_sort(chosen, std::greater{}, &Concept::count);
  chosen.resize(std::min(k, chosen.size()));
  return chosen;
}

}  // namespace

std::vector<ConceptMatch> nearest(std::span<const Concept> concepts, std::span<const float> latent,
                                  std::size_t k) {
  std::vector<ConceptMatch> matches;
  for (const Concept& candidate : concepts) {
    if (candidate.mean.size() != latent.size()) continue;
    matches.push_back({&candidate, static_cast<float>(std::sqrt(squared_distance(latent, candidate.mean)))});
  }
  std::ranges::stable_sort(matches, {}, &ConceptMatch::distance);
  matches.resize(std::min(k, matches.size()));
  return matches;
}

std::vector<ConceptMatch> nearest_of_each_class(std::span<const Concept> concepts,
                                                std::span<const float> latent) {
  std::vector<ConceptMatch> best;  // with squared distances
  for (const Concept& candidate : concepts) {
    if (candidate.mean.size() != latent.size()) continue;
    const ConceptMatch met{&candidate, static_cast<float>(squared_distance(latent, candidate.mean))};
    // From behind: concepts of a class stand together.
    const auto same = std::find_if(best.rbegin(), best.rend(), [&](const ConceptMatch& seen) {
      return seen.match->label == candidate.label;
    });
    if (same == best.rend()) {
      best.push_back(met);
    } else if (met.distance < same->distance) {
      *same = met;
    }
  }
  std::ranges::stable_sort(best, {}, &ConceptMatch::distance);
  for (ConceptMatch& match : best) match.distance = std::sqrt(match.distance);
  return best;
}

ConceptMatch nearest_of(std::span<const Concept> concepts, std::span<const float> latent,
                        std::optional<std::string_view> label) {
  ConceptMatch best;
  double least = std::numeric_limits<double>::infinity();
  for (const Concept& candidate : concepts) {
    if ((label && candidate.label != *label) || candidate.mean.size() != latent.size()) continue;
    const double squares = squared_distance(latent, candidate.mean);
    if (squares < least) least = squares, best.match = &candidate;
  }
  if (best.match != nullptr) best.distance = static_cast<float>(std::sqrt(least));
  return best;
}

bool is_redundant(const Episode& episode, std::span<const Concept> concepts) {
  if (episode.label && (episode.held_out() || *episode.label != episode.prediction)) return false;
  const std::vector<float> latent = dequantise(episode.latent);
  const ConceptMatch near = nearest_of(concepts, latent);
  return near.match != nullptr && near.match->label == episode.prediction &&
         near.match->embedding_version == episode.embedding_version && near.distance <= near.match->spread;
}

void ConceptBuilder::add(const std::string& label, std::span<const float> latent, EpisodeId source) {
  Class& members = classes_[label];
  members.latents.emplace_back(latent.begin(), latent.end());
  members.sources.push_back(source);
}

void ConceptBuilder::add(const Episode& episode) {
  if (!episode.label || episode.held_out() || episode.embedding_version != embedding_version_) return;
  add(*episode.label, dequantise(episode.latent), episode.id);
}

void ConceptBuilder::add(const Concept& earlier) {
  if (earlier.embedding_version == embedding_version_) classes_[earlier.label].earlier.push_back(earlier);
}

std::vector<Concept> ConceptBuilder::build() const {
  std::vector<Concept> concepts;
  for (const auto& [label, members] : classes_)
    for (Concept& made : build(label, members)) concepts.push_back(std::move(made));
  return concepts;
}

std::vector<Concept> ConceptBuilder::build(const std::string& label, const Class& members) const {
  std::vector<WeightedPoint> points;
  for (const auto& latent : members.latents) points.push_back({latent});
  std::vector<const Concept*> survivors;
  std::vector<std::vector<float>> means;
  std::size_t total = members.latents.size();
  for (const Concept& earlier : members.earlier) {
    if (earlier.survived.count == 0) continue;
    survivors.push_back(&earlier);
    means.push_back(earlier.survived.rounded_mean());
    total += earlier.survived.count;
  }
  for (std::size_t i = 0; i < means.size(); ++i)
    points.push_back({means[i], static_cast<double>(survivors[i]->survived.count)});

  const std::size_t k = std::clamp<std::size_t>(total / options_.members, 1, options_.prototypes);
  const auto starts = starting_points(members.earlier, k);
  std::vector<std::vector<float>> start;
  for (const Concept* known : starts) start.push_back(known->mean);
  const Clustering clusters = cluster(points, k, start, kSeed);

  std::vector<Concept> concepts(clusters.centres.size());
  std::vector<Moments> moments(concepts.size());
  for (std::size_t p = 0; p < points.size(); ++p) {
    const std::size_t c = clusters.nearest[p];
    if (p < members.latents.size()) {
      moments[c].add(points[p].at);
      if (members.sources[p] != 0) concepts[c].sources.push_back(members.sources[p]);
      continue;
    }
    const Concept& earlier = *survivors[p - members.latents.size()];
    const bool first = concepts[c].survived.count == 0;
    concepts[c].survived_since =
        first ? earlier.survived_since : std::min(concepts[c].survived_since, earlier.survived_since);
    concepts[c].survived.add(earlier.survived);
    moments[c].add(earlier.survived);
  }
  for (std::size_t c = 0; c < concepts.size(); ++c) {
    Concept& made = concepts[c];
    if (clusters.origins[c]) made.id = starts[*clusters.origins[c]]->id;
    made.label = label;
    made.mean = moments[c].rounded_mean();
    made.spread = moments[c].spread();
    made.count = moments[c].count;
    made.embedding_version = embedding_version_;
  }
  return concepts;
}

}  // namespace dormouse::memory
