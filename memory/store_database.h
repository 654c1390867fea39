#pragma once

#include <array>
#include <map>
#include <utility>

#include "memory/sqlite.h"
#include "memory/store.h"
#include "memory/write_budget.h"

/// What the parts of Store share; nobody else includes it.
namespace dormouse::memory {

/// Row ids of models and classes, made where missing. Lives as long as one transaction, whose rows it caches.
class Names {
 public:
  explicit Names(const sqlite::Connection& sql) : sql_(sql) {}

  std::int64_t model(const std::string& name);
  std::int64_t class_of(std::int64_t model, const std::string& name);
  /// Nothing for an unnamed stream.
  std::optional<std::int64_t> stream(const std::string& name);

 private:
  const sqlite::Connection& sql_;
  std::map<std::string, std::int64_t> models_;
  std::map<std::pair<std::int64_t, std::string>, std::int64_t> classes_;
  std::map<std::string, std::int64_t> streams_;
};

/// What is held, or by how much a transaction changes it.
struct Holdings {
  std::int64_t episodes = 0;
  std::int64_t latent_bytes = 0;
  std::int64_t clip_bytes = 0;

  Holdings operator+(const Holdings& other) const {
    return {episodes + other.episodes, latent_bytes + other.latent_bytes, clip_bytes + other.clip_bytes};
  }
  /// Of the searched copy in RAM: the codes, and as much beside each as an index of them needs.
  std::uint64_t ram_bytes() const {
    constexpr std::int64_t kColumns = 48;
    return static_cast<std::uint64_t>(latent_bytes + episodes * kColumns);
  }
};

/// A row of table clip.
Clip clip_of(const std::string& shape, const std::string& samples);

/// Episodes with every column, aliased e; `rest` follows WHERE.
sqlite::Statement select_episodes(const sqlite::Connection& sql, std::string_view rest);
Episode read_episode(const sqlite::Statement& row);

struct Store::Database {
  Database(StoreOptions chosen, const Clock& time);

  /// Commits the queue and whatever `body(Names&)` writes: all or nothing.
  template <class Body>
  void write(Body body) {
    if (oldest) oldest = clock->now();  // should the disk refuse, it is asked again an interval later
    refused = true;
    change = {};
    sqlite::Transaction transaction(sql);
    Names names(sql);
    insert_waiting(names);
    body(names);
    auto let_go = evict_overflow();
    trim_clips();
    if (budget.wants_record()) put(std::array{Entry{kWritten, budget.record()}});
    transaction.commit();
    committed(std::move(let_go));
  }

  void insert_waiting(Names& names);
  /// Drops from a full queue what would be missed least; false when that is the newcomer.
  bool make_room(const Episode& newcomer);
  void insert(const Episode& episode, Names& names);
  Taught label(EpisodeId id, const std::string& label, Names& names);
  void keep_clip(EpisodeId id, const Clip& clip);
  /// How many were there.
  std::size_t erase(std::span<const EpisodeId> ids);
  void put(std::span<const Entry> entries);

  // Letting go is not forgetting: what the episodes taught stays, in their concepts and by the distiller.
  std::vector<EpisodeId> least_valuable(std::size_t n) const;
  void let_go(std::span<const EpisodeId> ids);
  /// Moves members of a concept to what survives in it.
  void outlive(std::int64_t concept_id, std::span<const Episode> members);
  std::vector<EpisodeId> evict_overflow();
  void trim_clips();
  /// Exchanges the latents of every episode of the model (by number) that has one of `version` aside.
  void switch_embedding(std::int64_t model, std::int64_t version);
  /// Takes members out of their concepts, and out of `stripped` ones everything that survived there.
  void unlearn_members(std::span<const EpisodeId> ids, std::span<const std::int64_t> stripped);
  Holdings held() const { return holdings + change; }
  void committed(std::vector<EpisodeId> let_go);

  bool holds(EpisodeId id) const;
  void check_id(EpisodeId id) const;
  Error why_missing(EpisodeId id) const;
  std::uint64_t bytes_used() const;

  StoreOptions options;
  const Clock* clock;
  sqlite::Connection sql;
  std::vector<Episode> waiting;
  std::vector<EpisodeId> used;
  std::optional<Clock::Steady> oldest;  ///< since when something waits
  bool refused = false;                 ///< the last write failed
  std::vector<EpisodeId> evicted;
  EpisodeId next_id = 1;
  Holdings holdings;  ///< committed
  Holdings change;    ///< by the transaction under way
  WriteBudget budget;
  Distiller distiller;
  Statistics statistics;

  static constexpr const char* kWritten = "memory.written";
};

}  // namespace dormouse::memory
