#include "memory/schema.h"

#include <array>

#include "config/error.h"

namespace dormouse::memory {
namespace {

constexpr std::int64_t kApplication = 0x444f524d;  // "DORM"

// Times are microseconds since 1970. Classes are named once per model; `taught` is the feedback that first
// named one, and orders the labels. An episode's `feedback` is the newest one given for it.
constexpr const char* kFirst = R"(
CREATE TABLE ids(next INTEGER NOT NULL) STRICT;
INSERT INTO ids VALUES(1);
CREATE TABLE entry(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE model(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, active INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE class(
  id INTEGER PRIMARY KEY,
  model INTEGER NOT NULL REFERENCES model,
  name TEXT NOT NULL,
  taught INTEGER,
  UNIQUE(model, name)) STRICT;

CREATE TABLE episode(
  id INTEGER PRIMARY KEY,
  model INTEGER NOT NULL REFERENCES model,
  time INTEGER NOT NULL,
  version INTEGER NOT NULL,
  embedding_version INTEGER NOT NULL,
  latent BLOB NOT NULL,
  scale REAL NOT NULL,
  prediction INTEGER NOT NULL REFERENCES class,
  confidence REAL NOT NULL,
  novelty REAL NOT NULL,
  route INTEGER NOT NULL,
  label INTEGER REFERENCES class,
  feedback INTEGER,
  held_out INTEGER NOT NULL,
  importance REAL NOT NULL,
  uses INTEGER NOT NULL,
  last_used INTEGER NOT NULL) STRICT;
CREATE INDEX episode_label ON episode(label, held_out) WHERE label IS NOT NULL;

CREATE TABLE feedback(
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  episode INTEGER NOT NULL REFERENCES episode ON DELETE CASCADE,
  class INTEGER NOT NULL REFERENCES class,
  time INTEGER NOT NULL) STRICT;
CREATE INDEX feedback_episode ON feedback(episode);

CREATE TABLE concept(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  class INTEGER NOT NULL REFERENCES class,
  mean BLOB NOT NULL,
  spread REAL NOT NULL,
  count INTEGER NOT NULL,
  embedding_version INTEGER NOT NULL) STRICT;
CREATE TABLE concept_source(
  concept INTEGER NOT NULL REFERENCES concept ON DELETE CASCADE,
  episode INTEGER NOT NULL REFERENCES episode ON DELETE CASCADE,
  PRIMARY KEY(concept, episode)) STRICT, WITHOUT ROWID;
CREATE INDEX concept_source_episode ON concept_source(episode);

CREATE TABLE sleep(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  model INTEGER NOT NULL REFERENCES model,
  started INTEGER NOT NULL,
  ended INTEGER,
  state INTEGER NOT NULL,
  report TEXT NOT NULL) STRICT;
CREATE TABLE version(
  model INTEGER NOT NULL REFERENCES model,
  version INTEGER NOT NULL,
  parent INTEGER NOT NULL,
  sleep INTEGER NOT NULL,
  time INTEGER NOT NULL,
  state INTEGER NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY(model, version)) STRICT, WITHOUT ROWID;
CREATE TABLE calibration(
  id INTEGER PRIMARY KEY,
  model INTEGER NOT NULL REFERENCES model,
  time INTEGER NOT NULL,
  route INTEGER NOT NULL,
  score REAL NOT NULL,
  wrong INTEGER NOT NULL,
  audit INTEGER NOT NULL,
  propensity REAL NOT NULL) STRICT;
)";

// Semantic memory beyond means: what survives of members that were let go, links between concepts (closed,
// not deleted; no foreign keys, since a closed link outlives its concepts), streams, and kept raw inputs.
constexpr const char* kSemantic = R"(
ALTER TABLE model ADD COLUMN embedding INTEGER NOT NULL DEFAULT 0;
CREATE TABLE stream(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
ALTER TABLE episode ADD COLUMN stream INTEGER REFERENCES stream;
ALTER TABLE episode ADD COLUMN redundant INTEGER NOT NULL DEFAULT 0;

ALTER TABLE concept ADD COLUMN survived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE concept ADD COLUMN survived_mean BLOB;
ALTER TABLE concept ADD COLUMN survived_squares REAL NOT NULL DEFAULT 0;
ALTER TABLE concept ADD COLUMN survived_since INTEGER NOT NULL DEFAULT 0;
CREATE TABLE link(
  source INTEGER NOT NULL,
  target INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  weight REAL NOT NULL,
  valid_from INTEGER NOT NULL,
  valid_to INTEGER,
  source_class INTEGER NOT NULL REFERENCES class,
  target_class INTEGER NOT NULL REFERENCES class) STRICT;
CREATE UNIQUE INDEX link_open ON link(source, target, kind) WHERE valid_to IS NULL;

CREATE TABLE clip(
  episode INTEGER PRIMARY KEY REFERENCES episode ON DELETE CASCADE,
  shape BLOB NOT NULL,
  samples BLOB NOT NULL) STRICT;
)";

// `latent_format` as in memory/stored_latent.h.
constexpr const char* kFormats = R"(
ALTER TABLE episode ADD COLUMN latent_format INTEGER NOT NULL DEFAULT 0;
)";

// Latents of embeddings that are not compared now: to come, or the last one's.
constexpr const char* kOtherLatents = R"(
CREATE TABLE other_latent(
  episode INTEGER NOT NULL REFERENCES episode ON DELETE CASCADE,
  embedding INTEGER NOT NULL,
  latent_format INTEGER NOT NULL,
  latent BLOB NOT NULL,
  scale REAL NOT NULL,
  PRIMARY KEY(episode, embedding)) STRICT;
)";

/// Step i leads from schema i to i + 1. A step that was released is never edited.
constexpr std::array kMigrations = {kFirst, kSemantic, kFormats, kOtherLatents};

}  // namespace

void migrate(const sqlite::Connection& connection, const std::filesystem::path& file) {
  const auto version = connection.integer("PRAGMA user_version");
  const bool empty = version == 0 && connection.integer("SELECT count(*) FROM sqlite_schema") == 0;
  if (!empty && connection.integer("PRAGMA application_id") != kApplication) {
    throw Failure(Errc::corrupt, file.string() + ": is not a memory of Dormouse");
  }
  constexpr auto newest = static_cast<std::int64_t>(kMigrations.size());
  if (version > newest) {
    throw Failure(Errc::unsupported, file.string() + ": was made by a newer Dormouse (schema " +
                                         std::to_string(version) + ", this one knows " +
                                         std::to_string(newest) + ")");
  }
  if (version == newest) return;
  sqlite::Transaction transaction(connection);
  for (auto step = version; step < newest; ++step)
    connection.run(kMigrations[static_cast<std::size_t>(step)]);
  connection.run("PRAGMA application_id = " + std::to_string(kApplication));
  connection.run("PRAGMA user_version = " + std::to_string(newest));
  transaction.commit();
  // Until the second schema, deleted rows left their bytes behind.
  if (version == 1) connection.run("VACUUM");
}

}  // namespace dormouse::memory
