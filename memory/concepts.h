#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "memory/episode.h"
#include "memory/moments.h"
#include "memory/options.h"

namespace dormouse::memory {

/// Semantic memory's unit: what episodes of one class that resemble each other have in common. A class has a
/// few of them, its prototypes.
struct Concept {
  std::int64_t id = 0;  ///< given by the Store, and kept from night to night while it only moves
  std::string label{};
  std::vector<float> mean{};
  float spread = 0;       ///< root mean square distance of its members to the mean
  std::size_t count = 0;  ///< members, forgotten ones included
  std::int64_t embedding_version = 0;
  std::vector<EpisodeId> sources{};  ///< provenance: the members that memory still holds
  Moments survived{};                ///< of the members that memory let go: the concept outlives them
  Clock::Wall survived_since{};      ///< time of the oldest of those
};

struct ConceptMatch {
  const Concept* match = nullptr;
  float distance = 0;  ///< Euclidean, to the mean
};

/// The nearest concepts, nearest first; those of another width are passed over. Pointers into `concepts`.
std::vector<ConceptMatch> nearest(std::span<const Concept> concepts, std::span<const float> latent,
                                  std::size_t k);
/// The nearest concept of every class, nearest first.
std::vector<ConceptMatch> nearest_of_each_class(std::span<const Concept> concepts,
                                                std::span<const float> latent);
/// The nearest concept of one class, or of all; match is nullptr when there is none.
ConceptMatch nearest_of(std::span<const Concept> concepts, std::span<const float> latent,
                        std::optional<std::string_view> label = {});

/// Whether the concepts say all that this episode could: of all concepts the nearest is one of its own class,
/// it lies within that one's spread, and it was answered correctly (as far as anyone said). Held-out episodes
/// are evidence and never redundant.
bool is_redundant(const Episode& episode, std::span<const Concept> concepts);

/// Distils the prototypes of each class: k-means within the class over the members that are there and the
/// surviving parts of earlier concepts, which count as many members at their mean. Deterministic.
class ConceptBuilder {
 public:
  explicit ConceptBuilder(std::int64_t embedding_version, const SemanticOptions& options = {})
      : embedding_version_(embedding_version), options_(options) {}

  /// A member; `source` 0 is one that memory does not hold (the seed's). Widths must agree (ensure()d).
  void add(const std::string& label, std::span<const float> latent, EpisodeId source);
  /// A labelled episode that training may see; others (unlabelled, held out, of another embedding) are
  /// ignored.
  void add(const Episode& episode);
  /// An earlier concept: clusters begin at its mean and inherit its id, and what survived in it lives on.
  /// One of another embedding is ignored.
  void add(const Concept& earlier);
  /// In order of label; new concepts have id 0.
  std::vector<Concept> build() const;

 private:
  struct Class {
    std::vector<std::vector<float>> latents;
    std::vector<EpisodeId> sources;  ///< of each latent
    std::vector<Concept> earlier;
  };
  std::vector<Concept> build(const std::string& label, const Class& members) const;

  std::int64_t embedding_version_;
  SemanticOptions options_;
  std::map<std::string, Class> classes_;
};

}  // namespace dormouse::memory
