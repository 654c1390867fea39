#pragma once

#include "config/binder.h"
#include "memory/episode.h"

namespace dormouse::memory {

/// memory.working: what is kept of the last moments.
struct WorkingOptions {
  std::size_t items = 4096;          ///< inferences that can still be taught although nobody stored them
  config::Bytes inputs{4ull << 20};  ///< RAM for their raw inputs: the newest have one
};

/// memory.episodic.index: how the nearest episodes are found.
///
/// `exact` reads every vector; `hnsw` walks a graph, which takes a fraction of a millisecond to enter a
/// vector into. `automatic` is exact up to 50,000 episodes and a graph beyond 100,000; between, whichever the
/// traffic favours: a graph once there were more than five searches for every new episode (measured:
/// tests/bench/RESULTS.md).
enum class IndexKind : std::uint8_t { automatic, exact, hnsw };

/// memory.episodic: what is kept for good, and how much.
struct EpisodicOptions {
  std::size_t capacity = 100'000;          ///< episodes of all models together
  config::Bytes disk{512ull << 20};        ///< of the database
  config::Bytes ram{256ull << 20};         ///< of what is searched: the latents and their columns
  config::Bytes write{100ull << 20};       ///< to be written a day: see Store
  config::Bytes keep_inputs{64ull << 20};  ///< raw inputs kept for review and re-embedding
  IndexKind index = IndexKind::automatic;
  LatentFormat latents =
      LatentFormat::int8;        ///< of what is remembered from now on; f16 takes three times the RAM
  std::size_t commit_rows = 64;  ///< an episode waits for at most this many others …
  std::chrono::milliseconds commit_interval{1000};  ///< … or this long before it is on disk
};

/// memory.semantic: what episodes are distilled into.
struct SemanticOptions {
  std::size_t prototypes = 5;  ///< concepts a class, at most …
  std::size_t members = 10;    ///< … and no more than one for so many members
};

struct Options {
  WorkingOptions working;
  EpisodicOptions episodic;
  SemanticOptions semantic;
};

void bind_options(config::Binder& binder, WorkingOptions& options);
void bind_options(config::Binder& binder, EpisodicOptions& options);
void bind_options(config::Binder& binder, SemanticOptions& options);
void bind_options(config::Binder& binder, Options& options);

}  // namespace dormouse::memory
