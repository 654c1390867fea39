#pragma once

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "config/clock.h"
#include "memory/store.h"
#include "tests/temporary_folder.h"

namespace dormouse::memory {

/// A store in a folder of its own, under a clock that stands still.
struct World {
  TemporaryFolder folder;
  ManualClock clock;
  EpisodicOptions options;

  std::filesystem::path file() const { return folder.path / "dormouse.db"; }
  Store open() {
    Store store({file(), options, {}}, clock);
    store.reserve_ids(100'000);
    return store;
  }

  /// An episode of now, of model "activity".
  Episode lived(EpisodeId id, std::vector<float> latent, std::string prediction = "walking") const {
    Episode episode;
    episode.id = id;
    episode.model = "activity";
    episode.time = episode.last_used = clock.wall();
    episode.latent = quantise(latent);
    episode.prediction = std::move(prediction);
    episode.confidence = 0.75f;
    return episode;
  }
};

/// The `index`th id that is (not) held out.
inline EpisodeId training_id(std::size_t index, bool held_out = false) {
  EpisodeId id = 0;
  for (std::size_t found = 0; found <= index;) found += is_held_out(++id) == held_out;
  return id;
}

/// Points scattered about a centre.
inline std::vector<float> near_to(const std::vector<float>& centre, std::mt19937_64& random,
                                  float spread = 1) {
  std::vector<float> point = centre;
  for (float& x : point) x += spread * (static_cast<float>(random() >> 40) * 0x1p-24f - 0.5f);
  return point;
}

/// All bytes of all files below a folder.
std::string bytes_below(const std::filesystem::path& folder);

}  // namespace dormouse::memory
