#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "hrm/audited_gate.h"

namespace dormouse::daemon {

/// What a gate judges between; of others it knows nothing.
struct RoutedModels {
  std::int64_t low = 0, high = 0;              ///< versions
  std::size_t labels = 0, planner_labels = 0;  ///< of both models, learnt ones included
  bool operator==(const RoutedModels&) const = default;
};

/// What a model's routing is after a restart: state/router/<model>.gate, written atomically, with a checksum.
struct SavedGate {
  /// Digest of both models as they were shipped, and of the options that say how they answer; empty: it is
  /// from before that was written down.
  std::string shipped;
  RoutedModels models;
  std::string gate;  ///< AuditedGate::save()
};

/// Throws Failure(io).
void write_gate(const std::filesystem::path& file, const SavedGate& saved);
/// Nothing when there is none; one that is damaged is set aside as FILE.bad, and the log says so.
std::optional<SavedGate> read_gate(const std::filesystem::path& file);
/// The same for a gate that cannot be restored from what was read.
void set_aside(const std::filesystem::path& file, const std::string& reason);

}  // namespace dormouse::daemon
