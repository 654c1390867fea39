#include "memory/store.h"

#include <algorithm>

#include "config/log.h"
#include "memory/schema.h"
#include "memory/store_database.h"
#include "memory/stored_latent.h"

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

std::optional<std::int64_t> Names::stream(const std::string& name) {
  if (name.empty()) return std::nullopt;
  if (const auto known = streams_.find(name); known != streams_.end()) return known->second;
  sql_.prepare("INSERT INTO stream(name) VALUES(?) ON CONFLICT DO NOTHING").run(name);
  sqlite::Statement find = sql_.prepare("SELECT id FROM stream WHERE name = ?");
  find.with(name).step();
  return streams_[name] = find.integer(0);
}

namespace {

sqlite::Connection open(const StoreOptions& options) {
  sqlite::Connection sql(options.file, options.vfs);
  migrate(sql, options.file);
  return sql;
}

Holdings count_holdings(const sqlite::Connection& sql) {
  Holdings held;
  sqlite::Statement episodes =
      sql.prepare(std::string("SELECT count(*), total(") + kSearchedBytes + ") FROM episode");
  episodes.step();
  held.episodes = episodes.integer(0);
  held.latent_bytes = episodes.integer(1);
  held.clip_bytes = sql.integer("SELECT total(length(samples)) FROM clip");
  return held;
}

std::string entry(const sqlite::Connection& sql, std::string_view key) {
  sqlite::Statement find = sql.prepare("SELECT value FROM entry WHERE key = ?");
  return find.with(key).step() ? find.text(0) : std::string();
}

}  // namespace

Store::Database::Database(StoreOptions chosen, const Clock& time)
    : options(std::move(chosen)),
      clock(&time),
      sql(open(options)),
      budget(options.episodic.write.count, entry(sql, kWritten), time.wall()) {
  const auto page_size = static_cast<std::uint64_t>(sql.integer("PRAGMA page_size"));
  sql.integer("PRAGMA max_page_count = " + std::to_string(options.episodic.disk.count / page_size));
  next_id = static_cast<EpisodeId>(sql.integer("SELECT next FROM ids"));
  holdings = count_holdings(sql);
  if (sql.integer("SELECT count(*) FROM sleep WHERE ended IS NULL") == 0) return;
  sqlite::Transaction transaction(sql);  // nothing is let go before there is a distiller
  sql.prepare("UPDATE sleep SET state = ?, ended = ? WHERE ended IS NULL")
      .run(static_cast<int>(SleepState::interrupted), clock->wall());
  transaction.commit();
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

void Store::Database::committed(std::vector<EpisodeId> let_go) {
  ++statistics.commits;
  statistics.forgotten += let_go.size();
  holdings = held();
  change = {};
  budget.note(sql.bytes_written(), clock->wall());
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

const EpisodicOptions& Store::options() const { return database_->options.episodic; }

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
  const double stretch = db.budget.stretch();
  const auto rows = static_cast<std::size_t>(static_cast<double>(db.options.episodic.commit_rows) * stretch);
  const bool full = db.waiting.size() >= std::min(rows, kMaxWaiting / 2) && !db.refused;
  const std::chrono::duration<double, std::milli> wait = db.options.episodic.commit_interval * stretch;
  return full ? *db.oldest : *db.oldest + std::chrono::round<std::chrono::milliseconds>(wait);
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
  now.episodes = static_cast<std::size_t>(db.holdings.episodes);
  now.labelled =
      static_cast<std::size_t>(db.sql.integer("SELECT count(*) FROM episode WHERE label IS NOT NULL"));
  now.waiting = db.waiting.size();
  now.rows_written = static_cast<std::uint64_t>(db.sql.rows_changed());
  const auto page_size = static_cast<std::uint64_t>(db.sql.integer("PRAGMA page_size"));
  now.bytes_written = db.sql.bytes_written();
  now.bytes_written_today = db.budget.today();
  now.write_budget = db.budget.daily();
  now.ram_bytes = db.holdings.ram_bytes();
  now.clip_bytes = static_cast<std::uint64_t>(db.holdings.clip_bytes);
  now.file_bytes = static_cast<std::uint64_t>(db.sql.integer("PRAGMA page_count")) * page_size;
  return now;
}

void Store::checkpoint() {
  database_->sql.run("PRAGMA wal_checkpoint(TRUNCATE)");
  database_->budget.note(database_->sql.bytes_written(), database_->clock->wall());
}

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
