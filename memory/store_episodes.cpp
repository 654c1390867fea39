#include <algorithm>
#include <cmath>

#include "memory/store.h"
#include "memory/store_database.h"

namespace dormouse::memory {
namespace {

constexpr std::size_t kLongestLabel = 256;

constexpr std::string_view kEpisodes =
    "SELECT e.id, m.name, e.time, e.version, e.embedding_version, e.latent, e.scale, p.name, e.confidence, "
    "e.novelty, e.route, l.name, e.importance, e.uses, e.last_used FROM episode e JOIN model m ON m.id = "
    "e.model "
    "JOIN class p ON p.id = e.prediction LEFT JOIN class l ON l.id = e.label WHERE ";

Episode read_episode(const sqlite::Statement& row) {
  Episode episode;
  episode.id = static_cast<EpisodeId>(row.integer(0));
  episode.model = row.text(1);
  episode.time = row.time(2);
  episode.version = row.integer(3);
  episode.embedding_version = row.integer(4);
  const std::string codes = row.text(5);
  episode.latent.codes.assign(codes.begin(), codes.end());
  episode.latent.scale = static_cast<float>(row.real(6));
  episode.prediction = row.text(7);
  episode.confidence = static_cast<float>(row.real(8));
  episode.novelty = static_cast<float>(row.real(9));
  episode.route = static_cast<std::uint8_t>(row.integer(10));
  if (!row.is_null(11)) episode.label = row.text(11);
  episode.importance = static_cast<float>(row.real(12));
  episode.uses = static_cast<std::uint32_t>(row.integer(13));
  episode.last_used = row.time(14);
  return episode;
}

sqlite::Statement select_episodes(const sqlite::Connection& sql, std::string_view rest) {
  return sql.prepare(std::string(kEpisodes).append(rest));
}

template <class... Values>
std::vector<Episode> read_episodes(sqlite::Statement select, const Values&... values) {
  std::vector<Episode> episodes;
  select.with(values...);
  while (select.step()) episodes.push_back(read_episode(select));
  return episodes;
}

void check_label(const std::string& label) {
  const bool printable =
      std::ranges::none_of(label, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (label.empty() || label.size() > kLongestLabel || !printable) {
    throw Failure(Errc::invalid, "a label is 1 to " + std::to_string(kLongestLabel) + " bytes of plain text");
  }
}

/// What is left of an episode's importance: see Store::least_valuable.
double value_of(double importance, std::int64_t uses, Clock::Wall::duration unused) {
  using Days = std::chrono::duration<double, std::ratio<86400>>;
  constexpr double tau = 30;
  const double days = std::max(0.0, Days(unused).count());  // the wall clock may have jumped back
  return importance * std::exp(-days / (tau * static_cast<double>(1 + uses)));
}

}  // namespace

bool Store::Database::holds(EpisodeId id) const {
  sqlite::Statement find = sql.prepare("SELECT 1 FROM episode WHERE id = ?");
  return find.with(id).step();
}

void Store::Database::check_id(EpisodeId id) const {
  if (id == 0 || id >= next_id) {
    throw Failure(Errc::invalid, "episode " + std::to_string(id) + ": its id was never reserved");
  }
}

Error Store::Database::why_missing(EpisodeId id) const {
  const std::string name = "episode " + std::to_string(id);
  if (id == 0 || id >= next_id) return {Errc::not_found, name + ": there never was one"};
  return {Errc::gone, name + ": was not kept, or has been forgotten"};
}

void Store::Database::insert(const Episode& episode, Names& names) {
  const std::int64_t model = names.model(episode.model);
  sql.prepare(
         "INSERT INTO episode(id, model, time, version, embedding_version, latent, scale, prediction, "
         "confidence, "
         "novelty, route, held_out, importance, uses, last_used) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
         "?, ?, ?)")
      .run(episode.id, model, episode.time, episode.version, episode.embedding_version,
           std::as_bytes(std::span(episode.latent.codes)), episode.latent.scale,
           names.class_of(model, episode.prediction), episode.confidence, episode.novelty, episode.route,
           episode.held_out(), episode.importance, episode.uses, episode.last_used);
  ++change;
}

Taught Store::Database::label(EpisodeId id, const std::string& label, Names& names) {
  sqlite::Statement find =
      sql.prepare("SELECT e.model, c.name FROM episode e LEFT JOIN class c ON c.id = e.label WHERE e.id = ?");
  if (!find.with(id).step()) throw Failure(why_missing(id));
  Taught taught;
  if (!find.is_null(1)) taught.previous = find.text(1);
  const std::int64_t named = names.class_of(find.integer(0), label);
  sql.prepare("INSERT INTO feedback(episode, class, time) VALUES(?, ?, ?)").run(id, named, clock->wall());
  const std::int64_t sequence = sql.last_row_id();
  sql.prepare("UPDATE episode SET label = ?, feedback = ? WHERE id = ?").run(named, sequence, id);
  sqlite::Statement first =
      sql.prepare("UPDATE class SET taught = ? WHERE id = ? AND taught IS NULL RETURNING id");
  taught.new_class = first.with(sequence, named).step();
  return taught;
}

std::size_t Store::Database::erase(std::span<const EpisodeId> ids) {
  sqlite::Statement erase = sql.prepare("DELETE FROM episode WHERE id = ? RETURNING id");
  const auto erased = std::ranges::count_if(ids, [&](EpisodeId id) { return erase.with(id).step(); });
  change -= erased;
  return static_cast<std::size_t>(erased);
}

std::vector<EpisodeId> Store::Database::least_valuable(std::size_t n) const {
  struct Victim {
    bool labelled;
    double value;
    EpisodeId id;
    std::pair<std::int64_t, bool> witness_of;  ///< class, and on which side of the guard

    auto order() const { return std::tuple(labelled, value, id); }
  };
  std::vector<Victim> all;
  std::map<std::pair<std::int64_t, bool>, std::size_t> witnesses;
  sqlite::Statement row = sql.prepare("SELECT id, label, held_out, importance, uses, last_used FROM episode");
  while (row.step()) {
    const double value = value_of(row.real(3), row.integer(4), clock->wall() - row.time(5));
    const bool labelled = !row.is_null(1);
    all.push_back(
        {labelled, value, static_cast<EpisodeId>(row.integer(0)), {row.integer(1), row.integer(2) != 0}});
    if (labelled) ++witnesses[all.back().witness_of];
  }
  std::ranges::sort(all, {}, &Victim::order);
  std::vector<EpisodeId> victims;
  for (const Victim& victim : all) {
    if (victims.size() == n) break;
    if (victim.labelled && witnesses[victim.witness_of]-- == 1) continue;
    victims.push_back(victim.id);
  }
  return victims;
}

void Store::remember(Episode episode) {
  Database& db = *database_;
  db.check_id(episode.id);
  if (episode.latent.codes.empty()) throw Failure(Errc::invalid, "an episode has a latent");
  if (episode.label) check_label(*episode.label);
  const bool queued = std::ranges::find(db.waiting, episode.id, &Episode::id) != db.waiting.end();
  if (queued || db.holds(episode.id)) {
    throw Failure(Errc::conflict, "episode " + std::to_string(episode.id) + ": is remembered already");
  }
  if (episode.last_used < episode.time) episode.last_used = episode.time;
  if (db.waiting.size() >= kMaxWaiting && !db.make_room(episode)) return;
  db.waiting.push_back(std::move(episode));
  if (!db.oldest) db.oldest = db.clock->now();
}

bool Store::Database::make_room(const Episode& newcomer) {
  const auto rank = [](const Episode& episode) {
    return std::pair(episode.label.has_value(), episode.importance);
  };
  const auto least = std::ranges::min_element(waiting, {}, rank);
  ++statistics.dropped;
  if (rank(newcomer) <= rank(*least)) return false;
  waiting.erase(least);
  return true;
}

Taught Store::label(EpisodeId id, const std::string& label) {
  check_label(label);
  Taught taught;
  database_->write([&](Names& names) { taught = database_->label(id, label, names); });
  return taught;
}

Taught Store::teach(const Episode& episode, const std::string& label) {
  Database& db = *database_;
  db.check_id(episode.id);
  check_label(label);
  Taught taught;
  db.write([&](Names& names) {
    if (!db.holds(episode.id)) db.insert(episode, names);
    taught = db.label(episode.id, label, names);
  });
  return taught;
}

void Store::note_use(std::span<const EpisodeId> ids) {
  Database& db = *database_;
  const std::size_t room = kMaxWaiting - std::min(kMaxWaiting, db.used.size());
  const auto taken = ids.first(std::min(ids.size(), room));
  db.used.insert(db.used.end(), taken.begin(), taken.end());
  if (!db.oldest && !taken.empty()) db.oldest = db.clock->now();
}

std::size_t Store::forget(std::span<const EpisodeId> ids, std::span<const Entry> entries) {
  Database& db = *database_;
  std::size_t forgotten = 0;
  db.sql.integer("PRAGMA secure_delete = ON");
  db.write([&](Names&) {
    forgotten = db.erase(ids);
    db.put(entries);
  });
  db.sql.integer("PRAGMA secure_delete = OFF");
  db.statistics.forgotten += forgotten;
  checkpoint();  // the log holds older copies of the pages
  return forgotten;
}

std::vector<EpisodeId> Store::least_valuable(std::size_t n) const { return database_->least_valuable(n); }

std::vector<EpisodeId> Store::forget_least_valuable(std::size_t n) {
  Database& db = *database_;
  std::vector<EpisodeId> victims;
  db.write([&](Names&) {
    victims = db.least_valuable(n);
    db.erase(victims);
  });
  db.statistics.forgotten += victims.size();
  return victims;
}

std::optional<Episode> Store::find(EpisodeId id) const {
  const Database& db = *database_;
  const auto queued = std::ranges::find(db.waiting, id, &Episode::id);
  if (queued != db.waiting.end()) return *queued;
  sqlite::Statement find = select_episodes(db.sql, "e.id = ?");
  if (!find.with(id).step()) return std::nullopt;
  return read_episode(find);
}

Error Store::why_missing(EpisodeId id) const { return database_->why_missing(id); }

void Store::each(std::string_view model, const std::function<void(const Episode&)>& visit) const {
  sqlite::Statement select = select_episodes(database_->sql, "m.name = ? ORDER BY e.id");
  select.with(model);
  while (select.step()) visit(read_episode(select));
}

std::vector<Episode> Store::labelled(std::string_view model) const {
  return read_episodes(
      select_episodes(database_->sql, "m.name = ? AND e.label IS NOT NULL ORDER BY e.feedback"), model);
}

std::vector<Episode> Store::recent(std::string_view model, std::size_t n) const {
  return read_episodes(select_episodes(database_->sql, "m.name = ? ORDER BY e.id DESC LIMIT ?"), model, n);
}

std::vector<Feedback> Store::feedback(std::string_view model) const {
  sqlite::Statement select = database_->sql.prepare(
      "SELECT f.sequence, f.episode, c.name, f.time FROM feedback f JOIN class c ON c.id = f.class "
      "JOIN model m ON m.id = c.model WHERE m.name = ? ORDER BY f.sequence");
  std::vector<Feedback> given;
  select.with(model);
  while (select.step()) {
    given.push_back(
        {select.integer(0), static_cast<EpisodeId>(select.integer(1)), select.text(2), select.time(3)});
  }
  return given;
}

std::vector<std::string> Store::labels(std::string_view model) const {
  sqlite::Statement select = database_->sql.prepare(
      "SELECT c.name FROM class c JOIN model m ON m.id = c.model WHERE m.name = ? AND c.taught IS NOT NULL "
      "ORDER BY c.taught");
  std::vector<std::string> names;
  select.with(model);
  while (select.step()) names.push_back(select.text(0));
  return names;
}

std::vector<ClassCount> Store::counts(std::string_view model) const {
  sqlite::Statement select = database_->sql.prepare(
      "SELECT c.name, count(e.id) - total(e.held_out), total(e.held_out) FROM class c "
      "JOIN model m ON m.id = c.model LEFT JOIN episode e ON e.label = c.id "
      "WHERE m.name = ? AND c.taught IS NOT NULL GROUP BY c.id ORDER BY c.taught");
  std::vector<ClassCount> counts;
  select.with(model);
  while (select.step()) {
    counts.push_back(
        {select.text(0), static_cast<std::size_t>(select.real(1)), static_cast<std::size_t>(select.real(2))});
  }
  return counts;
}

}  // namespace dormouse::memory
