#pragma once

#include <optional>
#include <string>
#include <vector>

#include "memory/episode.h"

namespace dormouse::memory {

/// Episodes of one model by what they are. Everything that is said must hold; nothing said: all of them.
struct Selection {
  struct Near {
    std::vector<float> latent;
    float within = 0;  ///< Euclidean distance, included
  };

  std::string model{};
  std::optional<std::vector<EpisodeId>> ids{};
  std::optional<std::string> label{};   ///< taught or, where nobody said, answered
  std::optional<Clock::Wall> after{};   ///< time > after
  std::optional<Clock::Wall> before{};  ///< time < before
  std::optional<std::string> stream{};
  std::optional<std::int64_t> version{};
  std::optional<Near> like{};  ///< latents of another width are far away

  bool matches(const Episode& episode) const;
};

}  // namespace dormouse::memory
