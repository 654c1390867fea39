#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "memory/store.h"
#include "tests/temporary_folder.h"

namespace dormouse::memory {

/// A store's folder, clock and options.
struct Bench {
  TemporaryFolder folder;
  ManualClock clock;
  EpisodicOptions options;

  std::filesystem::path file() const { return folder.path / "dormouse.db"; }
  Store open() { return Store({file(), options, {}}, clock); }
};

inline Episode lived(EpisodeId id, std::string prediction = "walking", float importance = 1) {
  Episode episode;
  episode.id = id;
  episode.model = "activity";
  episode.time = Clock::Wall(std::chrono::seconds(1'700'000'000 + static_cast<std::int64_t>(id)));
  episode.version = 2;
  episode.embedding_version = 1;
  episode.latent = quantise(std::vector{1.0f, -0.5f, static_cast<float>(id)});
  episode.prediction = std::move(prediction);
  episode.confidence = 0.75f;
  episode.novelty = 0.25f;
  episode.route = 1;
  episode.importance = importance;
  episode.last_used = episode.time;
  return episode;
}

inline std::vector<EpisodeId> ids(const std::vector<Episode>& episodes) {
  std::vector<EpisodeId> found;
  for (const Episode& episode : episodes) found.push_back(episode.id);
  return found;
}

/// Of the Failure that `action` throws.
inline Errc code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Failure& failure) {
    INFO(failure.what());
    return failure.error().code;
  }
  FAIL("did not throw");
  return {};
}

}  // namespace dormouse::memory
