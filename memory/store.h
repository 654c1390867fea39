#pragma once

#include <filesystem>
#include <functional>
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
#include "memory/options.h"
#include "memory/records.h"

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

  // Ids.

  /// A block of ids that no episode had or will have.
  IdBlock reserve_ids(std::size_t count = kIdBlock);

  // Episodes.

  /// Queues an unlabelled or labelled episode under its own id, which came from reserve_ids (Failure(invalid)
  /// otherwise). Its label, if any, counts as feedback. An id that is known already is Failure(conflict).
  void remember(Episode episode);
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

  /// Deletes episodes and their feedback, overwriting them on disk, with `entries` in the same transaction
  /// (what was distilled from them). Unknown ids are passed over. Returns how many went. Throws, with the
  /// episodes gone all the same, when afterwards the log with their older copies cannot be emptied.
  std::size_t forget(std::span<const EpisodeId> ids, std::span<const Entry> entries = {});
  /// The `n` episodes that would be missed least, least first:
  ///
  ///     value = importance · exp(−Δt / (τ · (1 + uses)))     Δt since last_used, τ = 30 days
  ///
  /// Unlabelled ones go before labelled ones, each group by value, ties by age. The last labelled episode of
  /// a class is never among them, nor its last held-out one.
  std::vector<EpisodeId> least_valuable(std::size_t n) const;
  /// forget(least_valuable(n)).
  std::vector<EpisodeId> forget_least_valuable(std::size_t n);
  /// Ids that were let go since the last call because `capacity` or `disk` was reached: for the index.
  std::vector<EpisodeId> take_evicted();

  std::optional<Episode> find(EpisodeId id) const;
  /// The error for an id that find() does not know: gone when it was given out once, else not_found.
  Error why_missing(EpisodeId id) const;
  /// Every episode of `model` in order of id.
  void each(std::string_view model, const std::function<void(const Episode&)>& visit) const;
  /// Episodes with a label, in the order in which their last label was given: replaying them rebuilds the
  /// fast weights.
  std::vector<Episode> labelled(std::string_view model) const;
  std::vector<Feedback> feedback(std::string_view model) const;
  /// Newest first.
  std::vector<Episode> recent(std::string_view model, std::size_t n) const;

  // Classes.

  /// Names in the order in which they were first taught; they stay when their episodes go.
  std::vector<std::string> labels(std::string_view model) const;
  /// Labelled episodes by class, in the order of labels().
  std::vector<ClassCount> counts(std::string_view model) const;

  // Concepts.

  /// Replaces the model's concepts and their provenance. Sources that are gone are left out.
  void replace_concepts(std::string_view model, std::span<const Concept> concepts);
  std::vector<Concept> concepts(std::string_view model) const;

  // Sleeps and versions.

  std::int64_t begin_sleep(std::string_view model);
  /// Ends a sleep; with a version, records it, and if that is accepted makes it the active one: all or
  /// nothing.
  void end_sleep(std::int64_t id, SleepState state, std::string_view report,
                 const std::optional<VersionRecord>& version = {}, std::span<const Entry> entries = {});
  std::optional<SleepRecord> sleep(std::int64_t id) const;
  std::vector<SleepRecord> sleeps(std::size_t n) const;  ///< newest first
  void record_version(const VersionRecord& version);
  std::vector<VersionRecord> versions(std::string_view model) const;  ///< in order of number
  /// The version in service is this one from now on (0: as shipped): loading and rollback.
  void activate(std::string_view model, std::int64_t version);
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
