#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/clock.h"
#include "memory/concepts.h"
#include "memory/episode.h"
#include "memory/ids.h"
#include "memory/links.h"
#include "memory/options.h"
#include "memory/records.h"
#include "memory/selection.h"

namespace dormouse::memory {

struct StoreOptions {
  std::filesystem::path file;  ///< made when missing, with mode 0600; its folder must be there
  EpisodicOptions episodic;
  std::string vfs;  ///< SQLite's name for the file layer; empty: the system's (tests put a failing one here)
};

struct Taught {
  bool new_class = false;               ///< the first label of this name for the model
  std::optional<std::string> previous;  ///< the label it had
};

/// What is to be kept of labelled episodes that memory is about to let go; it is written in the transaction
/// that deletes them, so nothing is lost with the rows.
using Distiller = std::function<std::vector<Entry>(std::span<const Episode>)>;

/// What sleep made of a model's episodes, to be written at once.
struct Semantics {
  std::vector<Concept> concepts;
  std::vector<ObservedLink> links;   ///< between `concepts`, seen since the last time
  std::vector<EpisodeId> redundant;  ///< is_redundant(), of all that memory holds of the model
  std::vector<Entry> entries;        ///< how far the links were counted
};

/// Episodic memory on disk: one SQLite file is the truth about episodes, labels, concepts, sleeps and
/// versions.
///
/// Acknowledged means on disk: every write but remember() and note_use() has been synced when it returns;
/// those two are queued and go with the next commit, by tick() or any other write. A write that throws has
/// changed nothing; should the process die next, it may be found done after all, but never by half. When the
/// disk refuses (full: Failure(unavailable); broken: Failure(io)) the store stays readable, and the queue
/// waits for better days up to kMaxWaiting episodes. A damaged file is Failure(corrupt).
///
/// Not thread-safe: give it one owner. Reads see what is on disk, find() what is queued too: flush() first
/// where that matters.
class Store {
 public:
  static constexpr std::size_t kMaxWaiting = 1024;

  /// Opens or creates, migrates, and marks sleeps that were running as interrupted. `clock` is borrowed.
  Store(StoreOptions options, const Clock& clock);
  ~Store();  ///< flushes; a disk that refuses then is only logged
  Store(Store&&) noexcept;

  const EpisodicOptions& options() const;

  // Ids.

  /// A block of ids that no episode had or will have.
  IdBlock reserve_ids(std::size_t count = kIdBlock);

  // Episodes.

  /// Queues an unlabelled or labelled episode under its own id, which came from reserve_ids (Failure(invalid)
  /// otherwise). Its label, if any, counts as feedback. An id that is known already is Failure(conflict).
  /// False when it is not kept: the queue is full of better ones, or it is unlabelled and the day's bytes are
  /// written (WriteBudget).
  bool remember(Episode episode);
  /// Commits the queue when commit_rows wait or the oldest has waited commit_interval. Call it often.
  void tick();
  /// Commits the queue now.
  void flush();
  /// When tick() will have something to do; nothing while the queue is empty.
  std::optional<Clock::Steady> due() const;

  /// Labels an episode that memory holds: Failure(gone) when it was let go, not_found when it never was.
  Taught label(EpisodeId id, const std::string& label);
  /// Remembers and labels in one transaction: for what working memory still holds. An episode that is stored
  /// already keeps its row and takes the label.
  Taught teach(const Episode& episode, const std::string& label);

  /// These episodes were recalled to some effect: their decay starts anew and slows. Queued.
  void note_use(std::span<const EpisodeId> ids);

  /// Erases episodes with their feedback, clips and share of every concept, overwriting them on disk, with
  /// `entries` in the same transaction (what is left of what was distilled from them). Concepts named in
  /// `stripped` also lose what survived of members let go earlier, which nothing can tell apart any more; a
  /// concept without members goes, its links too. Unknown ids are passed over. Returns how many episodes
  /// went. Throws, with the episodes gone all the same, when afterwards the log with their older copies
  /// cannot be emptied.
  std::size_t forget(std::span<const EpisodeId> ids, std::span<const Entry> entries = {},
                     std::span<const std::int64_t> stripped = {});
  /// Ids that a selection means, in order.
  std::vector<EpisodeId> select(const Selection& selection) const;

  /// The `n` episodes that would be missed least, least first: redundant ones (see replace_semantics), then
  /// unlabelled ones, then the rest, unlabelled before labelled and each group by strength() to a factor of
  /// two, ties by age. Never among them are the last training and the last held-out episode of a class and
  /// the last member of a concept.
  std::vector<EpisodeId> least_valuable(std::size_t n) const;
  /// Lets least_valuable(n) go: their concepts keep what they were, and the distiller keeps the rest.
  std::vector<EpisodeId> let_go_least_valuable(std::size_t n);
  /// Asked about every labelled episode that is let go from now on, within the transaction: it may read.
  void distil_with(Distiller distiller);
  /// Ids that were let go since the last call because `capacity`, `ram` or `disk` was reached: for the index.
  std::vector<EpisodeId> take_evicted();

  std::optional<Episode> find(EpisodeId id) const;
  /// The error for an id that find() does not know: gone when it was given out once, else not_found.
  Error why_missing(EpisodeId id) const;
  /// Every episode of `model` in order of id.
  void each(std::string_view model, const std::function<void(const Episode&)>& visit) const;
  /// The vectors of `model` made by this embedding, in order of id: at start, for a million of them.
  void each_vector(std::string_view model, std::int64_t embedding_version,
                   const std::function<void(const StoredVector&)>& visit) const;
  /// The classes of `model`, taught or not, by the numbers that each_vector() gives.
  std::map<std::int64_t, std::string> class_names(std::string_view model) const;
  /// Streams by the same; of all models.
  std::map<std::int64_t, std::string> stream_names() const;
  /// Episodes with a label, in the order in which their last label was given: replaying them rebuilds the
  /// fast weights.
  std::vector<Episode> labelled(std::string_view model) const;
  std::vector<Feedback> feedback(std::string_view model) const;
  /// Newest first.
  std::vector<Episode> recent(std::string_view model, std::size_t n) const;
  std::vector<Episode> newest(const Selection& selection, std::size_t n) const;
  /// The newest without a label, newest first.
  std::vector<Episode> unlabelled(std::string_view model, std::size_t n) const;
  /// What came next in the same stream, at most `gap` later: for each episode that has such a successor.
  std::vector<Successor> next(std::span<const EpisodeId> ids, Clock::Wall::duration gap) const;

  // Kept inputs and embeddings.

  /// The raw input of an episode, if it was kept. At most `keep_inputs` bytes are; those of the episodes that
  /// would be missed least go first.
  std::optional<Clip> clip(EpisodeId id) const;
  /// Of which embedding a model's latents are, of which it compares only those; 0 as shipped. It changes with
  /// the version in service: end_sleep(), activate().
  std::int64_t embedding_version(std::string_view model) const;
  /// Episodes without a latent of this embedding whose input is kept: labelled ones first, then the newest.
  std::vector<KeptInput> outdated(std::string_view model, std::int64_t version, std::size_t n) const;
  /// Keeps latents of an embedding to come beside those that are compared now. Unknown ids are passed over.
  void set_aside(std::span<const NewLatent> latents, std::int64_t version);
  /// How many episodes have no latent of this embedding. After a switch to it they are retired: they stay,
  /// labels and all, and compare with nothing until the embedding that they have comes back.
  std::size_t without_latent(std::string_view model, std::int64_t version) const;

  // Classes.

  /// Names in the order in which they were first taught; they stay when their episodes go.
  std::vector<std::string> labels(std::string_view model) const;
  /// Labelled episodes by class, in the order of labels().
  std::vector<ClassCount> counts(std::string_view model) const;

  // Concepts.

  /// Replaces the model's concepts: those with an id stay themselves and move, others are new, missing ones
  /// end. Sources that are gone are left out. Links fade, take what was observed, and are closed when they
  /// have faded away or a concept of theirs ended.
  void replace_semantics(std::string_view model, const Semantics& semantics);
  std::vector<Concept> concepts(std::string_view model) const;
  /// Open links, or those that held at a time; heaviest first.
  std::vector<Link> links(std::string_view model, std::optional<Clock::Wall> at = {}) const;
  /// Episodes that replace_semantics() called redundant, in order.
  std::vector<EpisodeId> redundant(std::string_view model) const;

  // Sleeps and versions.

  std::int64_t begin_sleep(std::string_view model);
  /// An interrupted sleep goes on: it is running again. Failure(conflict) when it is not interrupted.
  void resume_sleep(std::int64_t id);
  /// Ends a sleep; with a version, records it, and if that is accepted makes it the active one, with its
  /// embedding (nothing: the one there is): latents that were set aside change places with those in use,
  /// which are kept aside for the way back. All or nothing.
  void end_sleep(std::int64_t id, SleepState state, std::string_view report,
                 const std::optional<VersionRecord>& version = {}, std::span<const Entry> entries = {},
                 std::optional<std::int64_t> embedding = {});
  std::optional<SleepRecord> sleep(std::int64_t id) const;
  std::vector<SleepRecord> sleeps(std::size_t n) const;  ///< newest first
  void record_version(const VersionRecord& version);
  std::vector<VersionRecord> versions(std::string_view model) const;  ///< in order of number
  /// The version in service is this one from now on (0: as shipped), with its embedding as end_sleep() has
  /// it: loading and rollback.
  void activate(std::string_view model, std::int64_t version, std::optional<std::int64_t> embedding = {});
  std::int64_t active_version(std::string_view model) const;  ///< 0 when none was ever activated

  // Calibration and small state of other modules.

  void record_calibration(std::span<const CalibrationPoint> points);
  std::vector<CalibrationPoint> calibration(std::string_view model,
                                            std::size_t newest) const;  ///< oldest first
  void put(std::span<const Entry> entries);
  std::optional<std::string> get(std::string_view key) const;

  // Care.

  Statistics statistics() const;
  /// Moves the log into the database file and truncates it.
  void checkpoint();
  /// SQLite's own integrity check: empty when all is well, else what it found.
  std::string check_integrity() const;

 private:
  struct Database;
  std::unique_ptr<Database> database_;
};

}  // namespace dormouse::memory
