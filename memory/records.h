#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "memory/episode.h"

/// The rows of the database that are not episodes.
namespace dormouse::memory {

/// One label as it was given. Later ones for the same episode win; none is ever edited.
struct Feedback {
  std::int64_t sequence = 0;
  EpisodeId episode = 0;
  std::string label;
  Clock::Wall time{};
};

/// What an index needs of an episode.
struct StoredVector {
  EpisodeId id = 0;
  Clock::Wall time{};
  std::int64_t version = 0;
  std::int64_t class_number = 0;  ///< of its label or, failing that, its prediction: see Store::class_names
  bool labelled = false;
  std::int64_t stream_number = 0;  ///< see Store::stream_names; 0: it came in none
  LatentView latent;               ///< gone when the visit is over
};

struct ClassCount {
  std::string label;
  std::size_t training = 0;
  std::size_t held_out = 0;
};

enum class SleepState : std::uint8_t { running, accepted, rejected, stopped, failed, interrupted };
std::string_view word(SleepState state);

struct SleepRecord {
  std::int64_t id = 0;
  std::string model;
  Clock::Wall started{};
  std::optional<Clock::Wall> ended;
  SleepState state = SleepState::running;
  std::string report;  ///< JSON; empty while it runs
};

enum class VersionState : std::uint8_t { accepted, rejected };
std::string_view word(VersionState state);

/// A model version as the database knows it; its files are elsewhere, `digest` is that of its manifest.
struct VersionRecord {
  std::string model;
  std::int64_t version = 0;
  std::int64_t parent = 0;
  std::int64_t sleep = 0;
  Clock::Wall time{};
  VersionState state = VersionState::accepted;
  std::string digest;
};

/// One scored answer for the router's calibration.
struct CalibrationPoint {
  std::string model;
  Clock::Wall time{};
  std::uint8_t route = 0;
  float score = 0;
  bool wrong = false;
  bool audit = false;    ///< drawn at random, so it may enter a bound
  float propensity = 1;  ///< probability with which it was drawn
};

/// A value under a name, written in the same transaction as something else.
struct Entry {
  std::string key;
  std::string value;  ///< any bytes
};

struct Statistics {
  std::size_t episodes = 0;
  std::size_t labelled = 0;
  std::size_t waiting = 0;    ///< queued, not yet on disk
  std::uint64_t commits = 0;  ///< since the store was opened, as are the following
  std::uint64_t rows_written = 0;
  std::uint64_t dropped = 0;   ///< episodes lost because the disk refused for too long
  std::uint64_t withheld = 0;  ///< unlabelled episodes not stored because the day's bytes were written
  std::uint64_t forgotten = 0;
  std::uint64_t bytes_written = 0;        ///< to the database and its log, exactly
  std::uint64_t bytes_written_today = 0;  ///< the UTC day, earlier openings included
  std::uint64_t write_budget = 0;         ///< a day
  std::uint64_t file_bytes = 0;
  std::uint64_t ram_bytes = 0;   ///< of the latents that are searched, columns included
  std::uint64_t clip_bytes = 0;  ///< of kept inputs
};

/// An episode with its kept input, as re-embedding wants it.
struct KeptInput {
  EpisodeId id = 0;
  Clip clip;
};
struct NewLatent {
  EpisodeId id = 0;
  CodedLatent latent;
};

/// What followed an episode: see Store::next.
struct Successor {
  EpisodeId episode = 0;
  EpisodeId next = 0;
  std::string label;  ///< of the next one: taught or, where nobody said, answered
  Clock::Wall::duration after{};
};

}  // namespace dormouse::memory
