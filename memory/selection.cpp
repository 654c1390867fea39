#include "memory/selection.h"

#include <algorithm>
#include <cmath>

#include "memory/cluster.h"

namespace dormouse::memory {

bool Selection::matches(const Episode& episode) const {
  if (episode.model != model) return false;
  if (ids && std::ranges::find(*ids, episode.id) == ids->end()) return false;
  if (label && episode.label.value_or(episode.prediction) != *label) return false;
  if (after && episode.time <= *after) return false;
  if (before && episode.time >= *before) return false;
  if (stream && episode.stream != *stream) return false;
  if (version && episode.version != *version) return false;
  if (!like) return true;
  return episode.latent.codes.size() == like->latent.size() &&
         std::sqrt(squared_distance(dequantise(episode.latent), like->latent)) <= double{like->within};
}

}  // namespace dormouse::memory
