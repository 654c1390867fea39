#include <algorithm>
#include <cstring>

#include "memory/store.h"
#include "memory/store_database.h"
#include "memory/stored_latent.h"

namespace dormouse::memory {
namespace {

template <class Number>
std::vector<Number> numbers_of(const std::string& bytes) {
  std::vector<Number> values(bytes.size() / sizeof(Number));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(Number));
  return values;
}

}  // namespace

void Store::Database::keep_clip(EpisodeId id, const Clip& clip) {
  if (clip.bytes() > options.episodic.keep_inputs.count) return;
  sql.prepare("INSERT INTO clip VALUES(?, ?, ?)")
      .run(id, std::as_bytes(std::span(clip.shape)), std::as_bytes(std::span(clip.values)));
  change.clip_bytes += static_cast<std::int64_t>(clip.bytes());
}

void Store::Database::trim_clips() {
  const auto limit = static_cast<std::int64_t>(options.episodic.keep_inputs.count);
  if (held().clip_bytes <= limit) return;
  struct Kept {
    bool redundant;
    double strength;
    EpisodeId id;
    auto order() const { return std::tuple(!redundant, strength, id); }
  };
  std::vector<Kept> kept;
  sqlite::Statement row = sql.prepare(
      "SELECT c.episode, e.redundant, e.importance, e.uses, e.last_used FROM clip c JOIN episode e ON e.id = "
      "c.episode");
  while (row.step()) {
    const double worth = strength(row.real(2), row.integer(3), clock->wall() - row.time(4));
    kept.push_back({row.integer(1) != 0, worth, static_cast<EpisodeId>(row.integer(0))});
  }
  std::ranges::sort(kept, {}, &Kept::order);
  sqlite::Statement erase = sql.prepare("DELETE FROM clip WHERE episode = ? RETURNING length(samples)");
  // A twentieth more than needed, so that not every commit ranks them.
  for (const Kept& least : kept) {
    if (held().clip_bytes <= limit - limit / 20) return;
    if (erase.with(least.id).step()) change.clip_bytes -= erase.integer(0);
  }
}

std::optional<Clip> Store::clip(EpisodeId id) const {
  const Database& db = *database_;
  const auto queued = std::ranges::find(db.waiting, id, &Episode::id);
  if (queued != db.waiting.end()) {
    if (queued->clip.empty()) return std::nullopt;
    return queued->clip;
  }
  sqlite::Statement find = db.sql.prepare("SELECT shape, samples FROM clip WHERE episode = ?");
  if (!find.with(id).step()) return std::nullopt;
  return Clip{numbers_of<std::int64_t>(find.text(0)), numbers_of<float>(find.text(1))};
}

std::int64_t Store::embedding_version(std::string_view model) const {
  sqlite::Statement find = database_->sql.prepare("SELECT embedding FROM model WHERE name = ?");
  return find.with(model).step() ? find.integer(0) : 0;
}

void Store::set_embedding_version(std::string_view model, std::int64_t version) {
  database_->write([&](Names& names) {
    database_->sql.prepare("UPDATE model SET embedding = ? WHERE id = ?")
        .run(version, names.model(std::string(model)));
  });
}

std::vector<KeptInput> Store::outdated(std::string_view model, std::int64_t version, EpisodeId after,
                                       std::size_t n) const {
  sqlite::Statement select = database_->sql.prepare(
      "SELECT e.id, c.shape, c.samples FROM clip c JOIN episode e ON e.id = c.episode "
      "JOIN model m ON m.id = e.model WHERE c.episode > ? AND m.name = ? AND e.embedding_version <> ? "
      "ORDER BY c.episode LIMIT ?");
  std::vector<KeptInput> found;
  select.with(after, model, version, n);
  while (select.step())
    found.push_back({static_cast<EpisodeId>(select.integer(0)),
                     {numbers_of<std::int64_t>(select.text(1)), numbers_of<float>(select.text(2))}});
  return found;
}

void Store::replace_latents(std::span<const NewLatent> latents, std::int64_t version) {
  Database& db = *database_;
  db.write([&](Names&) {
    sqlite::Statement size =
        db.sql.prepare(std::string("SELECT ") + kSearchedBytes + " FROM episode WHERE id = ?");
    sqlite::Statement replace = db.sql.prepare(
        "UPDATE episode SET latent_format = ?, latent = ?, scale = ?, embedding_version = ?, redundant = 0 "
        "WHERE id = ?");
    sqlite::Statement leave = db.sql.prepare("DELETE FROM concept_source WHERE episode = ?");
    for (const NewLatent& made : latents) {
      if (!size.with(made.id).step()) continue;
      db.change.latent_bytes += searched_bytes(made.latent) - size.integer(0);
      const StoredLatent latent = stored(made.latent);
      replace.run(latent.format, latent.bytes, latent.scale, version, made.id);
      leave.run(made.id);  // its concept is of the old embedding
    }
  });
}

std::size_t Store::retire_outdated(std::string_view model, std::int64_t version) {
  std::size_t retired = 0;
  database_->write([&](Names& names) {
    sqlite::Statement retire = database_->sql.prepare(
        "UPDATE episode SET embedding_version = ?, redundant = 0 WHERE model = ? AND embedding_version <> ? "
        "AND embedding_version <> ? RETURNING id");
    retire.with(kRetired, names.model(std::string(model)), version, kRetired);
    while (retire.step()) ++retired;
  });
  return retired;
}

}  // namespace dormouse::memory
