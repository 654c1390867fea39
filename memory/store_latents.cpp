// Latents of other embeddings than the one that is compared now: made aside, then exchanged at once.

#include "memory/store.h"
#include "memory/store_database.h"
#include "memory/stored_latent.h"

namespace dormouse::memory {

std::int64_t Store::embedding_version(std::string_view model) const {
  sqlite::Statement find = database_->sql.prepare("SELECT embedding FROM model WHERE name = ?");
  return find.with(model).step() ? find.integer(0) : 0;
}

std::vector<KeptInput> Store::outdated(std::string_view model, std::int64_t version, std::size_t n) const {
  sqlite::Statement select = database_->sql.prepare(
      "SELECT episode, shape, samples FROM clip WHERE episode IN ("
      "SELECT c.episode FROM clip c JOIN episode e ON e.id = c.episode "
      "WHERE e.model = (SELECT id FROM model WHERE name = ?) AND e.embedding_version <> ? "
      "AND NOT EXISTS (SELECT 1 FROM other_latent o WHERE o.episode = e.id AND o.embedding = ?) "
      "ORDER BY e.label IS NULL, e.id DESC LIMIT ?)");
  std::vector<KeptInput> found;
  select.with(model, version, version, n);
  while (select.step())
    found.push_back({static_cast<EpisodeId>(select.integer(0)), clip_of(select.text(1), select.text(2))});
  return found;
}

void Store::set_aside(std::span<const NewLatent> latents, std::int64_t version) {
  database_->write([&](Names&) {
    sqlite::Statement insert = database_->sql.prepare(
        "INSERT OR REPLACE INTO other_latent SELECT id, ?, ?, ?, ? FROM episode WHERE id = ?");
    for (const NewLatent& made : latents) {
      const StoredLatent latent = stored(made.latent);
      insert.run(version, latent.format, latent.bytes, latent.scale, made.id);
    }
  });
}

std::size_t Store::without_latent(std::string_view model, std::int64_t version) const {
  sqlite::Statement count = database_->sql.prepare(
      "SELECT count(*) FROM episode e WHERE e.model = (SELECT id FROM model WHERE name = ?) "
      "AND e.embedding_version <> ? "
      "AND NOT EXISTS (SELECT 1 FROM other_latent o WHERE o.episode = e.id AND o.embedding = ?)");
  return count.with(model, version, version).step() ? static_cast<std::size_t>(count.integer(0)) : 0;
}

void Store::Database::switch_embedding(std::int64_t model, std::int64_t version) {
  const auto bytes = [&] {
    sqlite::Statement sum = sql.prepare(std::string("SELECT coalesce(sum(") + kSearchedBytes +
                                        "), 0) FROM episode WHERE model = ?");
    return sum.with(model).step() ? sum.integer(0) : 0;
  };
  const std::int64_t before = bytes();
  // What only an embedding before the last one knew is of no use any more.
  sql.prepare(
         "DELETE FROM other_latent WHERE embedding <> ? AND episode IN (SELECT id FROM episode WHERE model = "
         "?)")
      .run(version, model);
  sql.prepare(
         "INSERT INTO other_latent SELECT e.id, e.embedding_version, e.latent_format, e.latent, e.scale FROM "
         "episode e "
         "JOIN other_latent o ON o.episode = e.id AND o.embedding = ? WHERE e.model = ?")
      .run(version, model);
  sql.prepare(
         "UPDATE episode SET (latent_format, latent, scale) = (SELECT o.latent_format, o.latent, o.scale "
         "FROM other_latent o "
         "WHERE o.episode = episode.id AND o.embedding = ?1), embedding_version = ?1, redundant = 0 "
         "WHERE model = ?2 AND id IN (SELECT episode FROM other_latent WHERE embedding = ?1)")
      .run(version, model);
  sql.prepare(
         "DELETE FROM other_latent WHERE embedding = ? AND episode IN (SELECT id FROM episode WHERE model = "
         "?)")
      .run(version, model);
  // Concepts are of the old embedding.
  sql.prepare("DELETE FROM concept_source WHERE episode IN (SELECT id FROM episode WHERE model = ?)")
      .run(model);
  sql.prepare("UPDATE model SET embedding = ? WHERE id = ?").run(version, model);
  change.latent_bytes += bytes() - before;
}

}  // namespace dormouse::memory
