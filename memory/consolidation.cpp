#include "memory/consolidation.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace dormouse::memory {
namespace {

/// How far links were counted.
struct Counted {
  EpisodeId episode = 0;
  std::int64_t feedback = 0;

  static std::string key(const std::string& model) { return "links." + model; }
  std::string text() const { return std::to_string(episode) + " " + std::to_string(feedback); }
  static Counted from(const std::string& text) {
    Counted counted;
    const char* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, counted.episode);
    if (first.ptr < end) std::from_chars(first.ptr + 1, end, counted.feedback);
    return counted;
  }
};

}  // namespace

void consolidate(Store& store, const std::string& model, std::size_t width,
                 std::span<const ShippedLatent> shipped, const SemanticOptions& options) {
  store.flush();  // each() sees what is on disk
  const std::int64_t embedding = store.embedding_version(model);
  const auto fits = [&](const Episode& episode) {
    return episode.latent.codes.size() == width && episode.embedding_version == embedding;
  };
  ConceptBuilder builder(embedding, options);
  for (const ShippedLatent& known : shipped) builder.add(std::string(known.label), known.latent, 0);
  for (const Concept& earlier : store.concepts(model))
    if (earlier.mean.size() == width) builder.add(earlier);
  for (const Episode& episode : store.labelled(model))
    if (fits(episode)) builder.add(episode);

  Semantics semantics;
  semantics.concepts = builder.build();
  Counted counted = Counted::from(store.get(Counted::key(model)).value_or(""));
  std::set<EpisodeId> corrected;
  for (const Feedback& given : store.feedback(model)) {
    if (given.sequence > counted.feedback) corrected.insert(given.episode);
    counted.feedback = std::max(counted.feedback, given.sequence);
  }
  LinkTally tally(semantics.concepts);
  const EpisodeId seen = counted.episode;
  store.each(model, [&](const Episode& episode) {
    counted.episode = std::max(counted.episode, episode.id);
    if (!fits(episode)) return;
    if (episode.id > seen) tally.see(episode);
    if (corrected.contains(episode.id)) tally.corrected(episode);
    if (is_redundant(episode, semantics.concepts)) semantics.redundant.push_back(episode.id);
  });
  semantics.links = tally.links();
  semantics.entries = {{Counted::key(model), counted.text()}};
  store.replace_semantics(model, semantics);
}

}  // namespace dormouse::memory
