#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "memory/store.h"
#include "memory/store_database.h"

namespace dormouse::memory {
namespace {

constexpr double kFaded = 0.05;               // observations left, below which a link is closed
constexpr std::int64_t kLinksKept = 100'000;  // of all models: the longest closed go

template <class Number>
std::vector<Number> numbers_of(const std::string& bytes) {
  std::vector<Number> values(bytes.size() / sizeof(Number));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(Number));
  return values;
}

constexpr std::string_view kConcepts =
    "SELECT o.id, c.name, o.mean, o.spread, o.count, o.embedding_version, o.survived, o.survived_mean, "
    "o.survived_squares, o.survived_since FROM concept o JOIN class c ON c.id = o.class ";

Concept read_concept(const sqlite::Statement& row) {
  Concept read;
  read.id = row.integer(0);
  read.label = row.text(1);
  read.mean = numbers_of<float>(row.text(2));
  read.spread = static_cast<float>(row.real(3));
  read.count = static_cast<std::size_t>(row.integer(4));
  read.embedding_version = row.integer(5);
  read.survived.count = static_cast<std::size_t>(row.integer(6));
  read.survived.mean = numbers_of<double>(row.text(7));
  read.survived.squares = row.real(8);
  read.survived_since = row.time(9);
  return read;
}

std::optional<Concept> find_concept(const sqlite::Connection& sql, std::int64_t id) {
  sqlite::Statement find = sql.prepare(std::string(kConcepts).append("WHERE o.id = ?"));
  if (!find.with(id).step()) return std::nullopt;
  return read_concept(find);
}

void write_survived(const sqlite::Connection& sql, const Concept& one) {
  sql.prepare(
         "UPDATE concept SET survived = ?, survived_mean = ?, survived_squares = ?, survived_since = ? WHERE "
         "id = ?")
      .run(one.survived.count, std::as_bytes(std::span(one.survived.mean)), one.survived.squares,
           one.survived_since, one.id);
}

void write_mean(const sqlite::Connection& sql, const Concept& one) {
  sql.prepare("UPDATE concept SET mean = ?, spread = ?, count = ?, embedding_version = ? WHERE id = ?")
      .run(std::as_bytes(std::span(one.mean)), one.spread, one.count, one.embedding_version, one.id);
}

/// Writes a concept and returns its id, which is new unless it had one.
std::int64_t write_concept(const sqlite::Connection& sql, Concept one, std::int64_t class_id) {
  if (one.id == 0) {
    sql.prepare("INSERT INTO concept(class, mean, spread, count, embedding_version) VALUES(?, x'', 0, 0, 0)")
        .run(class_id);
    one.id = sql.last_row_id();
  }
  write_mean(sql, one);
  write_survived(sql, one);
  return one.id;
}

/// Only what differs is written: provenance hardly changes from night to night.
void write_sources(const sqlite::Connection& sql, std::int64_t id, const std::vector<EpisodeId>& wanted) {
  std::set<EpisodeId> there;
  sqlite::Statement known = sql.prepare("SELECT episode FROM concept_source WHERE concept = ?");
  known.with(id);
  while (known.step()) there.insert(static_cast<EpisodeId>(known.integer(0)));
  sqlite::Statement insert = sql.prepare("INSERT INTO concept_source SELECT ?, id FROM episode WHERE id = ?");
  for (const EpisodeId episode : wanted)
    if (there.erase(episode) == 0) insert.run(id, episode);
  sqlite::Statement erase = sql.prepare("DELETE FROM concept_source WHERE concept = ? AND episode = ?");
  for (const EpisodeId episode : there) erase.run(id, episode);
}

}  // namespace

void Store::Database::outlive(std::int64_t concept_id, std::span<const Episode> members) {
  auto found = find_concept(sql, concept_id);
  if (!found) return;
  Concept& outlived = *found;
  for (const Episode& member : members) {
    outlived.survived_since =
        outlived.survived.count == 0 ? member.time : std::min(outlived.survived_since, member.time);
    outlived.survived.add(dequantise(member.latent));
  }
  write_survived(sql, outlived);
}

void Store::Database::unlearn_members(std::span<const EpisodeId> ids,
                                      std::span<const std::int64_t> stripped) {
  std::map<std::int64_t, std::vector<std::vector<float>>> members;
  for (const std::int64_t id : stripped) members[id];
  sqlite::Statement source = sql.prepare("SELECT concept FROM concept_source WHERE episode = ?");
  sqlite::Statement find = select_episodes(sql, "e.id = ?");
  for (const EpisodeId id : ids) {
    if (!source.with(id).step() || !find.with(id).step()) continue;
    members[source.integer(0)].push_back(dequantise(read_episode(find).latent));
  }
  const auto is_stripped = [&](std::int64_t id) { return std::ranges::find(stripped, id) != stripped.end(); };
  for (const auto& [id, gone] : members) {
    auto found = find_concept(sql, id);
    if (!found) continue;
    Concept& poorer = *found;
    const double squares = double{poorer.spread} * double{poorer.spread} * static_cast<double>(poorer.count);
    Moments left{poorer.count, {poorer.mean.begin(), poorer.mean.end()}, squares};
    for (const auto& latent : gone) left.remove(latent);
    if (is_stripped(id)) {
      left.remove(poorer.survived);
      poorer.survived = {};
      poorer.survived_since = {};
    }
    if (left.count == 0) {
      sql.prepare("DELETE FROM link WHERE source = ? OR target = ?").run(id, id);
      sql.prepare("DELETE FROM concept WHERE id = ?").run(id);
      continue;
    }
    poorer.mean = left.rounded_mean();
    poorer.spread = left.spread();
    poorer.count = left.count;
    write_mean(sql, poorer);
    write_survived(sql, poorer);
  }
}

namespace {

/// The ids of the concepts after they are written, in order; the others of the model end.
std::vector<std::int64_t> write_concepts(const sqlite::Connection& sql, std::int64_t model,
                                         const std::vector<Concept>& concepts, Names& names) {
  std::set<std::int64_t> ending;
  sqlite::Statement known =
      sql.prepare("SELECT o.id FROM concept o JOIN class c ON c.id = o.class WHERE c.model = ?");
  known.with(model);
  while (known.step()) ending.insert(known.integer(0));
  for (const Concept& one : concepts) ending.erase(one.id);
  for (const std::int64_t id : ending) sql.prepare("DELETE FROM concept WHERE id = ?").run(id);
  std::vector<std::int64_t> ids;
  for (const Concept& one : concepts) {
    ids.push_back(write_concept(sql, one, names.class_of(model, one.label)));
    write_sources(sql, ids.back(), one.sources);
  }
  return ids;
}

/// Time passes for the model's open links: they fade, and end with their weight or their concepts.
void fade_links(const sqlite::Connection& sql, std::int64_t model, double factor, Clock::Wall now) {
  sql.prepare(
         "UPDATE link SET weight = weight * ? WHERE valid_to IS NULL AND source_class IN "
         "(SELECT id FROM class WHERE model = ?)")
      .run(factor, model);
  sql.prepare(
         "UPDATE link SET valid_to = ? WHERE valid_to IS NULL AND (weight < ? OR source NOT IN (SELECT id "
         "FROM "
         "concept) OR target NOT IN (SELECT id FROM concept))")
      .run(now, kFaded);
  sql.prepare(
         "DELETE FROM link WHERE rowid IN (SELECT rowid FROM link ORDER BY valid_to IS NULL DESC, valid_to "
         "DESC "
         "LIMIT -1 OFFSET ?)")
      .run(kLinksKept);
}

void observe_links(const sqlite::Connection& sql, const Semantics& semantics,
                   const std::vector<std::int64_t>& ids, Clock::Wall now) {
  sqlite::Statement observe = sql.prepare(
      "INSERT INTO link SELECT s.id, t.id, ?, ?, ?, NULL, s.class, t.class FROM concept s, concept t "
      "WHERE s.id = ? AND t.id = ? ON CONFLICT(source, target, kind) WHERE valid_to IS NULL "
      "DO UPDATE SET weight = weight + excluded.weight");
  for (const ObservedLink& seen : semantics.links)
    observe.run(static_cast<int>(seen.kind), seen.count, now, ids.at(seen.source), ids.at(seen.target));
}

void mark_redundant(const sqlite::Connection& sql, const std::vector<EpisodeId>& were,
                    const std::vector<EpisodeId>& are) {
  std::set<EpisodeId> no_more(were.begin(), were.end());
  sqlite::Statement mark = sql.prepare("UPDATE episode SET redundant = ? WHERE id = ?");
  for (const EpisodeId id : are)
    if (no_more.erase(id) == 0) mark.run(1, id);
  for (const EpisodeId id : no_more) mark.run(0, id);
}

std::string slept_key(std::string_view model) { return "semantics." + std::string(model); }

}  // namespace

void Store::replace_semantics(std::string_view model, const Semantics& semantics) {
  const sqlite::Connection& sql = database_->sql;
  const Clock::Wall now = database_->clock->wall();
  const std::string before = get(slept_key(model)).value_or("");
  const auto then = before.empty() ? now : Clock::Wall(std::chrono::microseconds(std::stoll(before)));
  database_->write([&](Names& names) {
    const std::int64_t owner = names.model(std::string(model));
    const auto ids = write_concepts(sql, owner, semantics.concepts, names);
    fade_links(sql, owner, strength(1, 0, now - then), now);
    observe_links(sql, semantics, ids, now);
    mark_redundant(sql, redundant(model), semantics.redundant);
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
    database_->put(std::array{Entry{slept_key(model), std::to_string(micros)}});
    database_->put(semantics.entries);
  });
}

std::vector<Concept> Store::concepts(std::string_view model) const {
  const sqlite::Connection& sql = database_->sql;
  sqlite::Statement select = sql.prepare(
      std::string(kConcepts).append("JOIN model m ON m.id = c.model WHERE m.name = ? ORDER BY o.id"));
  sqlite::Statement sources =
      sql.prepare("SELECT episode FROM concept_source WHERE concept = ? ORDER BY episode");
  std::vector<Concept> found;
  select.with(model);
  while (select.step()) {
    found.push_back(read_concept(select));
    sources.with(found.back().id);
    while (sources.step()) found.back().sources.push_back(static_cast<EpisodeId>(sources.integer(0)));
  }
  return found;
}

std::vector<Link> Store::links(std::string_view model, std::optional<Clock::Wall> at) const {
  const std::string when = at ? "l.valid_from <= ?2 AND (l.valid_to IS NULL OR l.valid_to > ?2)"
                              : "l.valid_to IS NULL AND ?2 IS NULL";
  sqlite::Statement select = database_->sql.prepare(
      "SELECT l.source, l.target, l.kind, l.weight, l.valid_from, l.valid_to, s.name, t.name FROM link l "
      "JOIN class s ON s.id = l.source_class JOIN class t ON t.id = l.target_class "
      "JOIN model m ON m.id = s.model WHERE m.name = ?1 AND " +
      when + " ORDER BY l.weight DESC, l.rowid");
  std::vector<Link> found;
  select.with(model, at);
  while (select.step()) {
    Link link{select.integer(0), select.integer(1), static_cast<LinkKind>(select.integer(2)), select.real(3),
              select.time(4)};
    if (!select.is_null(5)) link.valid_to = select.time(5);
    link.source_label = select.text(6);
    link.target_label = select.text(7);
    found.push_back(std::move(link));
  }
  return found;
}

std::vector<EpisodeId> Store::redundant(std::string_view model) const {
  sqlite::Statement select = database_->sql.prepare(
      "SELECT e.id FROM episode e JOIN model m ON m.id = e.model WHERE m.name = ? AND e.redundant = 1 "
      "ORDER BY e.id");
  std::vector<EpisodeId> found;
  select.with(model);
  while (select.step()) found.push_back(static_cast<EpisodeId>(select.integer(0)));
  return found;
}

}  // namespace dormouse::memory
