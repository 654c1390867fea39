#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "memory/episode.h"

namespace dormouse::memory {

/// Semantic memory's unit: what the episodes of a class have in common.
struct Concept {
  std::int64_t id = 0;  ///< given by the Store
  std::string label;
  std::vector<float> mean;
  float spread = 0;       ///< root mean square distance of its members to the mean
  std::size_t count = 0;  ///< members, forgotten ones included
  std::int64_t embedding_version = 0;
  std::vector<EpisodeId> sources;  ///< provenance: the members that memory still holds
};

struct ConceptMatch {
  const Concept* match = nullptr;
  float distance = 0;  ///< Euclidean, to the mean
};

/// The nearest concepts, nearest first; those of another width are passed over. Pointers into `concepts`.
std::vector<ConceptMatch> nearest(std::span<const Concept> concepts, std::span<const float> latent,
                                  std::size_t k);

/// Distils one concept a class. Means and spreads are accumulated in one pass (Welford), in double, so the
/// order of millions of members does not show. Deterministic.
class ConceptBuilder {
 public:
  explicit ConceptBuilder(std::int64_t embedding_version) : embedding_version_(embedding_version) {}

  /// A member; `source` 0 is one that memory does not hold (the seed's). Widths must agree (ensure()d).
  void add(const std::string& label, std::span<const float> latent, EpisodeId source);
  /// A labelled episode that training may see; others (unlabelled, held out, of another embedding) are
  /// ignored.
  void add(const Episode& episode);
  /// In order of label.
  std::vector<Concept> build() const;

 private:
  struct Moments {
    std::vector<double> mean;
    double squares = 0;  ///< summed squared distances to the running mean
    std::size_t count = 0;
    std::vector<EpisodeId> sources;
  };

  std::int64_t embedding_version_;
  std::map<std::string, Moments> classes_;
};

}  // namespace dormouse::memory
