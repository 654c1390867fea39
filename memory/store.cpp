#include "memory/store.h"

#include <algorithm>

#include "config/log.h"
#include "memory/schema.h"
#include "memory/store_database.h"

namespace dormouse::memory {

std::int64_t Names::model(const std::string& name) {
  if (const auto known = models_.find(name); known != models_.end()) return known->second;
  sql_.prepare("INSERT INTO model(name) VALUES(?) ON CONFLICT DO NOTHING").run(name);
  sqlite::Statement find = sql_.prepare("SELECT id FROM model WHERE name = ?");
  find.with(name).step();
  return models_[name] = find.integer(0);
}

std::int64_t Names::class_of(std::int64_t model, const std::string& name) {
  const std::pair key(model, name);
  if (const auto known = classes_.find(key); known != classes_.end()) return known->second;
  sql_.prepare("INSERT INTO class(model, name) VALUES(?, ?) ON CONFLICT DO NOTHING").run(model, name);
  sqlite::Statement find = sql_.prepare("SELECT id FROM class WHERE model = ? AND name = ?");
  find.with(model, name).step();
  return classes_[key] = find.integer(0);
}

Store::Database::Database(StoreOptions chosen, const Clock& time)
    : options(std::move(chosen)), clock(&time), sql(options.file, options.vfs) {
  migrate(sql, options.file);
  const auto page_size = static_cast<std::uint64_t>(sql.integer("PRAGMA page_size"));
  sql.integer("PRAGMA max_page_count = " + std::to_string(options.episodic.disk.count / page_size));
  next_id = static_cast<EpisodeId>(sql.integer("SELECT next FROM ids"));
  episodes = static_cast<std::size_t>(sql.integer("SELECT count(*) FROM episode"));
  if (sql.integer("SELECT count(*) FROM sleep WHERE ended IS NULL") == 0) return;
  write([&](Names&) {
    sql.prepare("UPDATE sleep SET state = ?, ended = ? WHERE ended IS NULL")
        .run(static_cast<int>(SleepState::interrupted), clock->wall());
  });
}

void Store::Database::insert_waiting(Names& names) {
  for (const Episode& episode : waiting) {
    insert(episode, names);
    if (episode.label) label(episode.id, *episode.label, names);
  }
  if (used.empty()) return;
  sqlite::Statement note = sql.prepare("UPDATE episode SET uses = uses + 1, last_used = ? WHERE id = ?");
  for (EpisodeId id : used) note.run(clock->wall(), id);
}

std::vector<EpisodeId> Store::Database::evict_overflow() {
  const auto rows = [this] { return static_cast<std::size_t>(static_cast<std::int64_t>(episodes) + change); };
  const std::size_t capacity = options.episodic.capacity;
  std::vector<EpisodeId> let_go;
  const auto evict = [&](std::size_t n) {
    const auto victims = least_valuable(n);
    erase(victims);
    let_go.insert(let_go.end(), victims.begin(), victims.end());
    return !victims.empty();
  };
  // A hundredth more than needed, so that the ranking is not made for every commit of a full memory.
  if (rows() > capacity) evict(rows() - capacity + capacity / 100);
  // SQLite itself stops at `disk`, when it is too late to make room: the last fifth is kept for what comes.
  // Rows do not free their pages evenly, so this looks again after each round.
  const std::uint64_t room = options.episodic.disk.count / 5 * 4;
  for (bool went = bytes_used() > room; went && bytes_used() > room / 20 * 19;) went = evict(rows() / 20 + 1);
  return let_go;
}

void Store::Database::committed(std::vector<EpisodeId> let_go) {
  ++statistics.commits;
  statistics.forgotten += let_go.size();
  episodes = static_cast<std::size_t>(static_cast<std::int64_t>(episodes) + change);
  evicted.insert(evicted.end(), let_go.begin(), let_go.end());
  waiting.clear();
  used.clear();
  oldest.reset();
  refused = false;
}

void Store::Database::put(std::span<const Entry> entries) {
  sqlite::Statement put =
      sql.prepare("INSERT INTO entry VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value");
  for (const Entry& entry : entries) put.run(entry.key, std::as_bytes(std::span(entry.value)));
}

std::uint64_t Store::Database::bytes_used() const {
  const auto pages = sql.integer("PRAGMA page_count") - sql.integer("PRAGMA freelist_count");
  return static_cast<std::uint64_t>(pages * sql.integer("PRAGMA page_size"));
}

Store::Store(StoreOptions options, const Clock& clock)
    : database_(std::make_unique<Database>(std::move(options), clock)) {}

Store::Store(Store&&) noexcept = default;

Store::~Store() {
  if (!database_) return;
  try {
    flush();
  } catch (const Failure& failure) {
    log(Level::error, std::string("memory: what was still queued is lost: ") + failure.what());
  }
}

IdBlock Store::reserve_ids(std::size_t count) {
  const IdBlock block{database_->next_id, count};
  database_->write(
      [&](Names&) { database_->sql.prepare("UPDATE ids SET next = ?").run(block.first + count); });
  database_->next_id += count;
  return block;
}

void Store::tick() {
  if (const auto when = due(); when && *when <= database_->clock->now()) flush();
}

void Store::flush() {
  if (database_->oldest) database_->write([](Names&) {});
}

std::optional<Clock::Steady> Store::due() const {
  const Database& db = *database_;
  if (!db.oldest) return std::nullopt;
  // A full group goes at once, unless the disk has just refused it.
  const bool full = db.waiting.size() >= db.options.episodic.commit_rows && !db.refused;
  return full ? *db.oldest : *db.oldest + db.options.episodic.commit_interval;
}

std::vector<EpisodeId> Store::take_evicted() { return std::exchange(database_->evicted, {}); }

void Store::put(std::span<const Entry> entries) {
  database_->write([&](Names&) { database_->put(entries); });
}

std::optional<std::string> Store::get(std::string_view key) const {
  sqlite::Statement find = database_->sql.prepare("SELECT value FROM entry WHERE key = ?");
  if (!find.with(key).step()) return std::nullopt;
  return find.text(0);
}

Statistics Store::statistics() const {
  const Database& db = *database_;
  Statistics now = db.statistics;
  now.episodes = db.episodes;
  now.labelled =
      static_cast<std::size_t>(db.sql.integer("SELECT count(*) FROM episode WHERE label IS NOT NULL"));
  now.waiting = db.waiting.size();
  now.rows_written = static_cast<std::uint64_t>(db.sql.rows_changed());
  const auto page_size = static_cast<std::uint64_t>(db.sql.integer("PRAGMA page_size"));
  now.bytes_written = db.sql.pages_written() * page_size;
  now.file_bytes = static_cast<std::uint64_t>(db.sql.integer("PRAGMA page_count")) * page_size;
  return now;
}

void Store::checkpoint() { database_->sql.run("PRAGMA wal_checkpoint(TRUNCATE)"); }

std::string Store::check_integrity() const {
  std::string report;
  sqlite::Statement check = database_->sql.prepare("PRAGMA integrity_check(20)");
  while (check.step()) {
    if (const std::string line = check.text(0); line != "ok")
      report.append(report.empty() ? "" : "; ").append(line);
  }
  return report;
}

}  // namespace dormouse::memory
