#pragma once

#include <filesystem>
#include <optional>

#include "daemon/service/night_work.h"
#include "engine/formats/safetensors.h"

namespace dormouse::daemon {

/// The journal of a model's running night: what it takes to go on after a power cut, at most so many seconds
/// of work ago.
///
/// One file, state/models/<name>/night/journal.safetensors, written atomically and with a checksum of its
/// own. It holds no episode: what the night reads is put together again from memory as it was then, and
/// checked. Used by one thread at a time.
class NightJournal {
 public:
  explicit NightJournal(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// A night as the journal tells it.
  struct Entry {
    NightJob job;  ///< but for `parts`
    engine::NamedTensors state;
  };

  /// `state`: of SleepCycle::save(). Throws Failure(io).
  void write(const NightJob& job, engine::NamedTensors state) const;
  /// Nothing when there is no journal. Throws Failure(corrupt) when it is damaged.
  std::optional<Entry> read() const;
  void drop() const;

 private:
  std::filesystem::path file() const { return folder_ / "journal.safetensors"; }

  std::filesystem::path folder_;
};

/// Where the journal of a model is kept.
NightJournal journal_of(const std::filesystem::path& state, const std::string& model);

/// SHA-256 over all that a night reads: two nights of the same inputs and options come to the same weights.
std::string digest_of(const learning::SleepInputs& inputs);

}  // namespace dormouse::daemon
