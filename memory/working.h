#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory_resource>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config/error.h"
#include "memory/episode.h"

namespace dormouse::memory {

/// The last samples of one stream: interleaved rows of `channels` floats in memory that never grows.
///
/// One thread pushes, one thread reads; neither waits for the other. A full ring refuses new rows and counts
/// them, because the reader may be looking at the oldest.
class SampleRing {
 public:
  SampleRing(std::size_t channels, std::size_t capacity_rows,
             std::pmr::memory_resource* memory = std::pmr::new_delete_resource());
  ~SampleRing();
  SampleRing(const SampleRing&) = delete;
  SampleRing& operator=(const SampleRing&) = delete;

  /// Writer: appends whole rows (ensure()d) as far as they fit, and returns how many did.
  std::size_t push(std::span<const float> rows);

  /// Reader: rows that wait.
  std::size_t available() const;
  /// Reader: copies the oldest out.size() / channels rows without consuming them; false when there are fewer.
  bool peek(std::span<float> out) const;
  /// Reader: lets go of the oldest rows and zeroes them; at most available() (ensure()d). A hop is one
  /// consume.
  void consume(std::size_t rows);

  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  std::size_t channels() const { return channels_; }
  std::size_t capacity() const { return capacity_; }

 private:
  std::size_t channels_;
  std::size_t capacity_;
  std::pmr::vector<float> rows_;
  // Rows ever written and read: on lines of their own, so that the two threads do not share one.
  alignas(64) std::atomic<std::uint64_t> written_{0};
  alignas(64) std::atomic<std::uint64_t> read_{0};
  alignas(64) std::atomic<std::uint64_t> dropped_{0};
};

/// What is kept of one inference for a while, whether or not it becomes an episode.
struct Inference {
  EpisodeId id = 0;
  std::string model;
  std::string stream;  ///< empty: a request that did not say
  Clock::Wall time{};
  std::int64_t version = 0;
  std::int64_t embedding_version = 0;
  std::vector<float> latent;
  std::vector<float> probabilities;  ///< over the labels of `version`
  std::string prediction;
  float confidence = 0;
  float novelty = 0;
  std::uint8_t route = 0;
  Clip input;  ///< empty unless working memory has room for it
};

/// The episode an inference would become, as important as it was surprising.
Episode to_episode(const Inference& inference, LatentFormat format = LatentFormat::int8);
/// Overwrites what an inference saw and thought with zeros.
void wipe(Inference& inference);

/// The items of the last `capacity` ids. Item needs a member `id`; ids rise, with gaps allowed.
///
/// Slots are addressed by id modulo capacity and reused, so memory stays where it is after the first round,
/// and finding costs one comparison. Where there is a wipe(Item&), it is called on whatever is let go. Not
/// thread-safe: one owner.
template <class Item>
class Recent {
 public:
  explicit Recent(std::size_t capacity) : slots_(capacity) { ensure(capacity > 0, "a ring holds something"); }
  ~Recent() {
    for (Item& slot : slots_) let_go(slot);
  }
  Recent(const Recent&) = delete;
  Recent& operator=(const Recent&) = delete;

  /// Replaces what the slot held. The item must have an id above 0 (ensure()d).
  Item& put(const Item& item) {
    ensure(item.id != 0, "an item has an id");
    Item& slot = slots_[item.id % slots_.size()];
    let_go(slot);
    slot = item;  // copies into the slot's own memory
    newest_ = std::max<EpisodeId>(newest_, item.id);
    return slot;
  }
  /// The item, or nullptr when it was overwritten or never there. Valid until the next put().
  const Item* find(EpisodeId id) const {
    const Item& slot = slots_[id % slots_.size()];
    return id != 0 && slot.id == id ? &slot : nullptr;
  }
  Item* find(EpisodeId id) { return const_cast<Item*>(std::as_const(*this).find(id)); }

  /// The id whose slot `id` will take; 0 when that is empty.
  EpisodeId replaced_by(EpisodeId id) const { return slots_[id % slots_.size()].id; }

  /// Calls `visit(const Item&)` from the newest id down, while it returns true.
  template <class Visit>
  void newest_first(Visit visit) const {
    for (EpisodeId id = newest_; id != 0 && id + slots_.size() > newest_; --id) {
      const Item* item = find(id);
      if (item != nullptr && !visit(*item)) return;
    }
  }
  /// Forgets one item at once.
  void erase(EpisodeId id) {
    Item* item = find(id);
    if (item == nullptr) return;
    let_go(*item);
    *item = Item{};
  }

  std::size_t capacity() const { return slots_.size(); }
  EpisodeId newest() const { return newest_; }

 private:
  static void let_go(Item& item) {
    if constexpr (requires { wipe(item); }) wipe(item);
  }

  std::vector<Item> slots_;
  EpisodeId newest_ = 0;
};

/// The last inferences, and the raw inputs of the newest of them: as many as `input_bytes` hold.
///
/// Not thread-safe: one owner.
class RecentInferences {
 public:
  RecentInferences(std::size_t items, std::size_t input_bytes) : items_(items), room_(input_bytes) {}

  void put(Inference inference);
  const Inference* find(EpisodeId id) const { return items_.find(id); }
  template <class Visit>
  void newest_first(Visit visit) const {
    items_.newest_first(visit);
  }
  void erase(EpisodeId id);
  std::size_t input_bytes() const { return held_; }

 private:
  void let_go_of_input(EpisodeId id);

  Recent<Inference> items_;
  std::deque<EpisodeId> with_input_;  ///< oldest first; some may have been erased since
  std::size_t room_;
  std::size_t held_ = 0;
};

}  // namespace dormouse::memory
