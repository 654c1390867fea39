#include "memory/concepts.h"

#include <algorithm>
#include <cmath>

#include "config/error.h"

namespace dormouse::memory {

std::vector<ConceptMatch> nearest(std::span<const Concept> concepts, std::span<const float> latent,
                                  std::size_t k) {
  std::vector<ConceptMatch> matches;
  for (const Concept& candidate : concepts) {
    if (candidate.mean.size() != latent.size()) continue;
    double squares = 0;
    for (std::size_t i = 0; i < latent.size(); ++i) {
      const double gap = double{latent[i]} - double{candidate.mean[i]};
      squares += gap * gap;
    }
    matches.push_back({&candidate, static_cast<float>(std::sqrt(squares))});
  }
  std::ranges::stable_sort(matches, {}, &ConceptMatch::distance);
  matches.resize(std::min(k, matches.size()));
  return matches;
}

void ConceptBuilder::add(const std::string& label, std::span<const float> latent, EpisodeId source) {
  Moments& moments = classes_[label];
  moments.mean.resize(moments.count == 0 ? latent.size() : moments.mean.size());
  ensure(moments.mean.size() == latent.size(), "members of a concept are equally wide");
  ++moments.count;
  for (std::size_t i = 0; i < latent.size(); ++i) {
    const double before = double{latent[i]} - moments.mean[i];
    moments.mean[i] += before / static_cast<double>(moments.count);
    moments.squares += before * (double{latent[i]} - moments.mean[i]);
  }
  if (source != 0) moments.sources.push_back(source);
}

void ConceptBuilder::add(const Episode& episode) {
  if (!episode.label || episode.held_out() || episode.embedding_version != embedding_version_) return;
  add(*episode.label, dequantise(episode.latent), episode.id);
}

std::vector<Concept> ConceptBuilder::build() const {
  std::vector<Concept> concepts;
  for (const auto& [label, moments] : classes_) {
    Concept made;
    made.label = label;
    for (double x : moments.mean) made.mean.push_back(static_cast<float>(x));
    made.spread = static_cast<float>(std::sqrt(moments.squares / static_cast<double>(moments.count)));
    made.count = moments.count;
    made.embedding_version = embedding_version_;
    made.sources = moments.sources;
    concepts.push_back(std::move(made));
  }
  return concepts;
}

}  // namespace dormouse::memory
