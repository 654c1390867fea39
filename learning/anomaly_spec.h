#pragma once

#include <filesystem>

#include "config/binder.h"
#include "learning/anomaly_detector.h"

namespace dormouse::learning {

/// Keys as the fields are called.
void bind_options(config::Binder& binder, AnomalyOptions& options);

/// The same as a YAML map in one line, exactly: what bind_options() reads.
std::string text_of(const AnomalyOptions& options);

/// What `dormouse new anomaly` writes: a detector is known by its options alone, the stream teaches it.
///
///     model: pump
///     anomaly: {channels: 3, false_alarms: 0.0001, hidden: 16, oscillators: 16, rate: 0.001, seed: 1}
///
/// Throws Failure(configuration) with file:line:column.
AnomalyOptions read_anomaly_spec(const std::filesystem::path& path);

/// Appears whole or not at all. Throws Failure(invalid) for options that are out of range, or when the file
/// is there already and `overwrite` is not set, Failure(io).
void write_anomaly_spec(const std::filesystem::path& path, const AnomalyOptions& options, bool overwrite);

}  // namespace dormouse::learning
