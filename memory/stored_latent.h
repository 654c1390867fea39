#pragma once

#include <span>

#include "memory/episode.h"

/// How a latent stands in its row; for the parts of Store.
namespace dormouse::memory {

/// latent_format, latent and scale of a row: 0 is codes and their scale, 1 is halves and no scale.
struct StoredLatent {
  int format;
  std::span<const std::byte> bytes;
  float scale;
};

StoredLatent stored(const CodedLatent& latent);
/// Throws Failure(corrupt) naming the episode when the row makes no sense.
CodedLatent restored(const StoredLatent& row, EpisodeId id);

/// In SQL, over the columns of an episode: the bytes of its latent in RAM, where halves have their codes
/// beside them.
inline constexpr const char* kSearchedBytes = "(length(latent) * (2 + latent_format) / 2)";
/// The same.
std::int64_t searched_bytes(const CodedLatent& latent);

}  // namespace dormouse::memory
