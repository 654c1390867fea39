#include "memory/store.h"
#include "memory/store_database.h"
#include "memory/stored_latent.h"

namespace dormouse::memory {

// No strings, no joins, no copies: what is left is SQLite's own reading of the rows.
void Store::each_vector(std::string_view model, std::int64_t embedding_version,
                        const std::function<void(const StoredVector&)>& visit) const {
  sqlite::Statement select = database_->sql.prepare(
      "SELECT id, time, version, coalesce(label, prediction), label IS NOT NULL, latent, scale, stream, "
      "latent_format FROM episode "
      "WHERE model = (SELECT id FROM model WHERE name = ?) AND embedding_version = ? ORDER BY id");
  select.with(model, embedding_version);
  while (select.step()) {
    const auto id = static_cast<EpisodeId>(select.integer(0));
    const auto bytes = select.blob(5);
    const auto scale = static_cast<float>(select.real(6));
    LatentView latent({reinterpret_cast<const std::int8_t*>(bytes.data()), bytes.size()}, scale);
    CodedLatent decoded;
    if (const auto format = static_cast<int>(select.integer(8)); format != 0) {
      decoded = restored({format, bytes, scale}, id);
      latent = decoded;
    }
    visit({.id = id,
           .time = select.time(1),
           .version = select.integer(2),
           .class_number = select.integer(3),
           .labelled = select.integer(4) != 0,
           .stream_number = select.integer(7),
           .latent = latent});
  }
}

std::map<std::int64_t, std::string> Store::class_names(std::string_view model) const {
  sqlite::Statement select = database_->sql.prepare(
      "SELECT c.id, c.name FROM class c JOIN model m ON m.id = c.model WHERE m.name = ?");
  std::map<std::int64_t, std::string> names;
  select.with(model);
  while (select.step()) names.emplace(select.integer(0), select.text(1));
  return names;
}

std::map<std::int64_t, std::string> Store::stream_names() const {
  sqlite::Statement select = database_->sql.prepare("SELECT id, name FROM stream");
  std::map<std::int64_t, std::string> names;
  while (select.step()) names.emplace(select.integer(0), select.text(1));
  return names;
}

}  // namespace dormouse::memory
