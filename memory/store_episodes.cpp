#include <algorithm>

#include "memory/store.h"
#include "memory/store_database.h"
#include "memory/stored_latent.h"

namespace dormouse::memory {
namespace {

constexpr std::size_t kLongestLabel = 256;

constexpr std::string_view kEpisodes =
    "SELECT e.id, m.name, e.time, e.version, e.embedding_version, e.latent, e.scale, p.name, e.confidence, "
    "e.novelty, e.route, l.name, e.importance, e.uses, e.last_used, s.name, e.latent_format FROM episode e "
    "JOIN model m ON m.id = e.model JOIN class p ON p.id = e.prediction "
    "LEFT JOIN class l ON l.id = e.label LEFT JOIN stream s ON s.id = e.stream WHERE ";

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

}  // namespace

Episode read_episode(const sqlite::Statement& row) {
  Episode episode;
  episode.id = static_cast<EpisodeId>(row.integer(0));
  episode.model = row.text(1);
  episode.time = row.time(2);
  episode.version = row.integer(3);
  episode.embedding_version = row.integer(4);
  episode.latent =
      restored({static_cast<int>(row.integer(16)), row.blob(5), static_cast<float>(row.real(6))}, episode.id);
  episode.prediction = row.text(7);
  episode.confidence = static_cast<float>(row.real(8));
  episode.novelty = static_cast<float>(row.real(9));
  episode.route = static_cast<std::uint8_t>(row.integer(10));
  if (!row.is_null(11)) episode.label = row.text(11);
  episode.importance = static_cast<float>(row.real(12));
  episode.uses = static_cast<std::uint32_t>(row.integer(13));
  episode.last_used = row.time(14);
  episode.stream = row.text(15);
  return episode;
}

sqlite::Statement select_episodes(const sqlite::Connection& sql, std::string_view rest) {
  return sql.prepare(std::string(kEpisodes).append(rest));
}

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
  const StoredLatent latent = stored(episode.latent);
  sql.prepare(
         "INSERT INTO episode(id, model, time, version, embedding_version, latent, scale, prediction, "
         "confidence, novelty, route, held_out, importance, uses, last_used, stream, latent_format) "
         "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .run(episode.id, model, episode.time, episode.version, episode.embedding_version, latent.bytes,
           latent.scale, names.class_of(model, episode.prediction), episode.confidence, episode.novelty,
           episode.route, episode.held_out(), episode.importance, episode.uses, episode.last_used,
           names.stream(episode.stream), latent.format);
  ++change.episodes;
  change.latent_bytes += searched_bytes(episode.latent);
  if (!episode.clip.empty()) keep_clip(episode.id, episode.clip);
}

Taught Store::Database::label(EpisodeId id, const std::string& label, Names& names) {
  sqlite::Statement find = sql.prepare(
      "SELECT e.model, c.name, p.name FROM episode e LEFT JOIN class c ON c.id = e.label "
      "JOIN class p ON p.id = e.prediction WHERE e.id = ?");
  if (!find.with(id).step()) throw Failure(why_missing(id));
  Taught taught;
  if (!find.is_null(1)) taught.previous = find.text(1);
  const std::int64_t named = names.class_of(find.integer(0), label);
  sql.prepare("INSERT INTO feedback(episode, class, time) VALUES(?, ?, ?)").run(id, named, clock->wall());
  const std::int64_t sequence = sql.last_row_id();
  const bool corrected = find.text(2) != label;
  const float gain = taught.previous ? 0 : corrected ? kCorrectionImportance : kLabelImportance;
  sql.prepare(
         "UPDATE episode SET label = ?, feedback = ?, importance = importance + ?, last_used = ?, redundant "
         "= 0 "
         "WHERE id = ?")
      .run(named, sequence, gain, clock->wall(), id);
  sqlite::Statement first =
      sql.prepare("UPDATE class SET taught = ? WHERE id = ? AND taught IS NULL RETURNING id");
  taught.new_class = first.with(sequence, named).step();
  return taught;
}

bool Store::remember(Episode episode) {
  Database& db = *database_;
  db.check_id(episode.id);
  if (episode.latent.codes.empty()) throw Failure(Errc::invalid, "an episode has a latent");
  if (episode.label) check_label(*episode.label);
  const bool queued = std::ranges::find(db.waiting, episode.id, &Episode::id) != db.waiting.end();
  if (queued || db.holds(episode.id)) {
    throw Failure(Errc::conflict, "episode " + std::to_string(episode.id) + ": is remembered already");
  }
  if (episode.last_used < episode.time) episode.last_used = episode.time;
  db.budget.note(db.sql.bytes_written(), db.clock->wall());
  if (!episode.label && !db.budget.takes_unlabelled()) {
    ++db.statistics.withheld;
    return false;
  }
  if (db.waiting.size() >= kMaxWaiting && !db.make_room(episode)) return false;
  db.waiting.push_back(std::move(episode));
  if (!db.oldest) db.oldest = db.clock->now();
  return true;
}

bool Store::Database::make_room(const Episode& newcomer) {
  const auto rank = [](const Episode& episode) {
    return std::pair(episode.label.has_value(), episode.importance);
  };
  const auto least = std::ranges::min_element(waiting, {}, rank);
  ++statistics.dropped;
  if (rank(newcomer) <= rank(*least)) return false;
  evicted.push_back(least->id);
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

std::optional<Episode> Store::find(EpisodeId id) const {
  const Database& db = *database_;
  const auto queued = std::ranges::find(db.waiting, id, &Episode::id);
  if (queued != db.waiting.end()) {
    Episode found = *queued;
    found.clip = {};
    return found;
  }
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

std::vector<Episode> Store::newest(const Selection& selection, std::size_t n) const {
  sqlite::Statement select = select_episodes(database_->sql, "m.name = ? ORDER BY e.id DESC");
  std::vector<Episode> found;
  select.with(selection.model);
  while (found.size() < n && select.step()) {
    Episode episode = read_episode(select);
    if (selection.matches(episode)) found.push_back(std::move(episode));
  }
  return found;
}

std::vector<Episode> Store::unlabelled(std::string_view model, std::size_t n) const {
  return read_episodes(
      select_episodes(database_->sql, "m.name = ? AND e.label IS NULL ORDER BY e.id DESC LIMIT ?"), model, n);
}

std::vector<Successor> Store::next(std::span<const EpisodeId> ids, Clock::Wall::duration gap) const {
  std::vector<Successor> found;
  for (const EpisodeId id : ids) {
    const auto now = find(id);
    if (!now) continue;
    sqlite::Statement later = select_episodes(database_->sql, "e.id > ? ORDER BY e.id");
    later.with(id);
    while (later.step()) {
      const Episode next = read_episode(later);
      if (next.time - now->time > gap) break;
      if (next.model != now->model || next.stream != now->stream || next.time <= now->time) continue;
      found.push_back({id, next.id, next.label.value_or(next.prediction), next.time - now->time});
      break;
    }
  }
  return found;
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
