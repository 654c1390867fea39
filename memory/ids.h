#pragma once

#include <deque>
#include <optional>

#include "memory/episode.h"

namespace dormouse::memory {

/// A run of ids that the disk already calls used.
struct IdBlock {
  EpisodeId first = 0;
  std::size_t count = 0;
};

inline constexpr std::size_t kIdBlock = 1024;

/// Hands out ids of reserved blocks without touching the disk, so that a reply need not wait for it.
///
/// Blocks come from Store::reserve_ids. What is left of them after a crash is lost, never reused. Not
/// thread-safe: one owner.
class IdAllocator {
 public:
  void add(IdBlock block) {
    left_ += block.count;
    blocks_.push_back(block);
  }
  /// The next id; nothing when every block is spent.
  std::optional<EpisodeId> take();
  /// Time to fetch another block.
  bool runs_low() const { return left_ < kIdBlock / 2; }
  std::size_t left() const { return left_; }

 private:
  std::deque<IdBlock> blocks_;
  std::size_t left_ = 0;
};

}  // namespace dormouse::memory
