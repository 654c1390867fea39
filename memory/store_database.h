#pragma once

#include <map>
#include <utility>

#include "memory/sqlite.h"
#include "memory/store.h"

/// What the parts of Store share; nobody else includes it.
namespace dormouse::memory {

/// Row ids of models and classes, made where missing. Lives as long as one transaction, whose rows it caches.
class Names {
 public:
  explicit Names(const sqlite::Connection& sql) : sql_(sql) {}

  std::int64_t model(const std::string& name);
  std::int64_t class_of(std::int64_t model, const std::string& name);

 private:
  const sqlite::Connection& sql_;
  std::map<std::string, std::int64_t> models_;
  std::map<std::pair<std::int64_t, std::string>, std::int64_t> classes_;
};

struct Store::Database {
  Database(StoreOptions chosen, const Clock& time);

  /// Commits the queue and whatever `body(Names&)` writes: all or nothing.
  template <class Body>
  void write(Body body) {
    if (oldest) oldest = clock->now();  // should the disk refuse, it is asked again an interval later
    refused = true;
    change = 0;
    sqlite::Transaction transaction(sql);
    Names names(sql);
    insert_waiting(names);
    body(names);
    auto let_go = evict_overflow();
    transaction.commit();
    committed(std::move(let_go));
  }

  void insert_waiting(Names& names);
  /// Drops from a full queue what would be missed least; false when that is the newcomer.
  bool make_room(const Episode& newcomer);
  void insert(const Episode& episode, Names& names);
  Taught label(EpisodeId id, const std::string& label, Names& names);
  /// How many were there.
  std::size_t erase(std::span<const EpisodeId> ids);
  void put(std::span<const Entry> entries);

  std::vector<EpisodeId> least_valuable(std::size_t n) const;
  std::vector<EpisodeId> evict_overflow();
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
  std::size_t episodes = 0;  ///< committed rows
  std::int64_t change = 0;   ///< of `episodes` by the transaction under way
  Statistics statistics;
};

}  // namespace dormouse::memory
