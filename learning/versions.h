#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/published.h"
#include "learning/files.h"
#include "learning/kernel_seat.h"
#include "learning/seed.h"

namespace dormouse::learning {

/// One immutable set of a model's trainable weights, and what belongs to it.
struct Version {
  std::int64_t number = 0;          ///< given by commit()
  std::int64_t parent = 0;          ///< 0: the shipped model
  std::string sleep;                ///< id of the night it came from
  std::string time;                 ///< ISO 8601, UTC
  bool accepted = true;             ///< false: kept for inspection only
  std::vector<std::string> labels;  ///< of the slow head, in order
  float temperature = 1.0f;
  std::int64_t embedding = 0;  ///< of its latents: the night that moved the trunk; up to 0: as shipped
  std::string file = {};       ///< digest of the model's file that it was learnt on; empty: not known
  engine::Arbiter arbiter;
  Parameters weights;  ///< that differ from what was shipped, by name, grown shapes included
  Parameters fisher;   ///< in standardised coordinates; may be empty
  std::optional<KernelSeat> kernel = {};  ///< beside the network, whose own temperature `temperature` is
};

/// A line of `model versions`: everything but the tensors.
struct VersionSummary {
  std::int64_t number = 0;
  std::int64_t parent = 0;
  std::string sleep;
  std::string time;
  bool accepted = true;
  std::vector<std::string> labels;
  std::optional<std::string> damage;  ///< why it cannot be loaded
};

/// The file of a model that versions have to be of.
struct ModelFile {
  std::string digest;  ///< empty: any
  bool first = true;   ///< that the model had: versions from before their file was noted are of it
};

/// The versions of one model under <folder>/<number>/{weights.safetensors, fisher.safetensors,
/// manifest.json}, and kernel.safetensors where there is a kernel head.
///
/// A version is written into a temporary folder, synced, renamed, and the parent synced: after a power cut it
/// is there whole or not at all. Nothing is edited in place, and a number once tried is never used again.
/// Only a kernel head, which holds examples, is made again or removed when these are forgotten; therefore its
/// file carries its own checksum and may be missing. Not thread-safe.
class VersionStore {
 public:
  /// Makes `folder` (models/<name>) when it is missing and removes what an interrupted commit left. `files`
  /// is borrowed.
  VersionStore(std::filesystem::path folder, Files& files, ModelFile of = {});

  /// Writes `version` under the next number, as one of this model's file, and returns that. Throws
  /// Failure(io); then nothing visible has changed.
  std::int64_t commit(const Version& version);
  /// Checks hashes and shapes. Throws Failure(not_found / corrupt) naming the file, Failure(conflict) for a
  /// version of another file of the model.
  Version load(std::int64_t number) const;
  /// All versions in order; damaged ones say so (their hashes are checked too).
  std::vector<VersionSummary> list() const;
  /// The newest accepted version, not above `at_most`, that loads; nothing when there is none. `skipped`
  /// hears of every damaged one on the way.
  std::optional<Version> last_good(std::int64_t at_most,
                                   const std::function<void(std::int64_t, const Error&)>& skipped) const;
  /// Erases the latents of these episodes from all kernel heads: that of version `in_service` is fitted again
  /// without them, other versions lose theirs and answer with the network alone. A kernel file that cannot be
  /// read goes too. Returns the new seat of `in_service` (nothing: it has none) if that changed. Throws
  /// Failure(io), with some of them erased.
  std::optional<std::optional<KernelSeat>> forget(const std::function<bool(std::uint64_t)>& gone,
                                                  std::int64_t in_service);

 private:
  std::vector<std::int64_t> numbers() const;
  std::int64_t take_number();

  std::filesystem::path folder_;
  Files* files_;
  ModelFile of_;
};

}  // namespace dormouse::learning
