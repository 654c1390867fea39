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

Clip clip_of(const std::string& shape, const std::string& samples) {
  return {numbers_of<std::int64_t>(shape), numbers_of<float>(samples)};
}

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
  return clip_of(find.text(0), find.text(1));
}

}  // namespace dormouse::memory
