#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "memory/store.h"
#include "memory/store_database.h"
#include "memory/stored_latent.h"

namespace dormouse::memory {
namespace {

/// An episode as a candidate to be let go. Strengths count to a factor of two: of those that are alike the
/// oldest go, which are neighbours on disk, or a page would be rewritten for each of them.
struct Candidate {
  EpisodeId id = 0;
  bool redundant = false;
  bool labelled = false;
  int octave = 0;          ///< of its strength
  std::int64_t label = 0;  ///< class; with held_out, what it is a witness of
  bool held_out = false;
  std::int64_t concept_id = 0;  ///< 0: a member of none

  auto order() const { return std::tuple(!redundant, labelled, octave, id); }
};

/// Counts who else speaks for a class or a concept.
class Witnesses {
 public:
  void add(const Candidate& episode) {
    if (episode.labelled) ++classes_[{episode.label, episode.held_out}];
    if (episode.concept_id != 0) ++concepts_[episode.concept_id];
  }
  /// Lets one go, unless it is the last.
  bool spare(const Candidate& episode) {
    std::size_t none = 2;
    std::size_t& of_class = episode.labelled ? classes_[{episode.label, episode.held_out}] : none;
    std::size_t other = 2;
    std::size_t& of_concept = episode.concept_id != 0 ? concepts_[episode.concept_id] : other;
    if (of_class < 2 || of_concept < 2) return false;
    --of_class, --of_concept;
    return true;
  }

 private:
  std::map<std::pair<std::int64_t, bool>, std::size_t> classes_;
  std::map<std::int64_t, std::size_t> concepts_;
};

}  // namespace

std::vector<EpisodeId> Store::Database::least_valuable(std::size_t n) const {
  std::vector<Candidate> all;
  Witnesses witnesses;
  sqlite::Statement row = sql.prepare(
      "SELECT e.id, e.redundant, e.label, e.held_out, e.importance, e.uses, e.last_used, s.concept "
      "FROM episode e LEFT JOIN concept_source s ON e.label IS NOT NULL AND s.episode = e.id");
  while (row.step()) {
    Candidate candidate{static_cast<EpisodeId>(row.integer(0)), row.integer(1) != 0, !row.is_null(2)};
    candidate.label = row.integer(2);
    candidate.held_out = row.integer(3) != 0;
    candidate.octave = std::ilogb(strength(row.real(4), row.integer(5), clock->wall() - row.time(6)));
    candidate.concept_id = row.integer(7);
    witnesses.add(candidate);
    all.push_back(candidate);
  }
  std::ranges::sort(all, {}, &Candidate::order);
  std::vector<EpisodeId> victims;
  for (const Candidate& candidate : all) {
    if (victims.size() == n) break;
    if (witnesses.spare(candidate)) victims.push_back(candidate.id);
  }
  return victims;
}

std::size_t Store::Database::erase(std::span<const EpisodeId> ids) {
  sqlite::Statement clip = sql.prepare("DELETE FROM clip WHERE episode = ? RETURNING length(samples)");
  sqlite::Statement erase =
      sql.prepare(std::string("DELETE FROM episode WHERE id = ? RETURNING ") + kSearchedBytes);
  std::size_t erased = 0;
  for (const EpisodeId id : ids) {
    if (clip.with(id).step()) change.clip_bytes -= clip.integer(0);
    if (!erase.with(id).step()) continue;
    ++erased;
    --change.episodes;
    change.latent_bytes -= erase.integer(0);
  }
  return erased;
}

void Store::Database::let_go(std::span<const EpisodeId> ids) {
  std::map<std::int64_t, std::vector<Episode>> members;  // by concept
  std::vector<Episode> labelled;
  sqlite::Statement find = select_episodes(sql, "e.id = ? AND e.label IS NOT NULL");
  sqlite::Statement source = sql.prepare("SELECT concept FROM concept_source WHERE episode = ?");
  for (const EpisodeId id : ids) {
    if (!find.with(id).step()) continue;
    labelled.push_back(read_episode(find));
    if (source.with(id).step()) members[source.integer(0)].push_back(labelled.back());
  }
  for (const auto& [id, episodes] : members) outlive(id, episodes);
  if (distiller && !labelled.empty()) put(distiller(labelled));
  erase(ids);
}

std::vector<EpisodeId> Store::Database::evict_overflow() {
  std::vector<EpisodeId> gone;
  const auto evict = [&](std::uint64_t n) {
    const auto victims = least_valuable(static_cast<std::size_t>(n));
    let_go(victims);
    gone.insert(gone.end(), victims.begin(), victims.end());
    return !victims.empty();
  };
  const auto rows = [this] { return static_cast<std::uint64_t>(held().episodes); };
  // A hundredth more than needed, so that the ranking is not made for every commit of a full memory.
  const std::uint64_t capacity = options.episodic.capacity;
  if (rows() > capacity) evict(rows() - capacity + capacity / 100);
  const std::uint64_t ram = options.episodic.ram.count;
  for (bool went = held().ram_bytes() > ram; went && held().ram_bytes() > ram / 100 * 99;)
    went = evict(rows() / 100 + 1);
  // SQLite itself stops at `disk`, when it is too late to make room: the last fifth is kept for what comes.
  // Rows do not free their pages evenly, so this looks again after each round.
  const std::uint64_t room = options.episodic.disk.count / 5 * 4;
  for (bool went = bytes_used() > room; went && bytes_used() > room / 20 * 19;) went = evict(rows() / 20 + 1);
  return gone;
}

void Store::distil_with(Distiller distiller) { database_->distiller = std::move(distiller); }

std::vector<EpisodeId> Store::least_valuable(std::size_t n) const { return database_->least_valuable(n); }

std::vector<EpisodeId> Store::let_go_least_valuable(std::size_t n) {
  Database& db = *database_;
  std::vector<EpisodeId> victims;
  db.write([&](Names&) {
    victims = db.least_valuable(n);
    db.let_go(victims);
  });
  db.statistics.forgotten += victims.size();
  return victims;
}

std::size_t Store::forget(std::span<const EpisodeId> ids, std::span<const Entry> entries,
                          std::span<const std::int64_t> stripped) {
  Database& db = *database_;
  // What only waits never needs to reach the disk.
  const auto meant = [&](EpisodeId id) { return std::ranges::find(ids, id) != ids.end(); };
  const std::size_t queued = std::erase_if(db.waiting, [&](const Episode& e) { return meant(e.id); });
  std::size_t forgotten = queued;
  db.write([&](Names&) {
    db.unlearn_members(ids, stripped);
    forgotten += db.erase(ids);
    db.put(entries);
  });
  db.statistics.forgotten += forgotten;
  checkpoint();  // the log holds older copies of the pages
  return forgotten;
}

std::vector<EpisodeId> Store::select(const Selection& selection) const {
  std::set<EpisodeId> found;
  for (const Episode& episode : database_->waiting)
    if (selection.matches(episode)) found.insert(episode.id);
  each(selection.model, [&](const Episode& episode) {
    if (selection.matches(episode)) found.insert(episode.id);
  });
  return {found.begin(), found.end()};
}

}  // namespace dormouse::memory
