#pragma once

#include <string>

#include "learning/fit_run.h"

namespace dormouse::learning {

/// Where a run of training stands, as one safetensors file that appears whole or not at all.
///
/// Tensors: the Fit's state by its names; `best.NAME` of early stopping; `progress.counts` i64, the counters;
/// `progress.numbers` f64, the sums; `progress.epochs` f64 [E, 4], a record a row. Metadata: `format`
/// "dormouse-checkpoint-1", `task`, and a checksum over everything. Throws Failure(io).
void write_checkpoint(const std::string& path, const std::string& task, const Fit& fit,
                      const FitProgress& progress);

/// Puts `fit` where the checkpoint was written. Throws Failure(corrupt) naming the file when it is damaged
/// or of another model, and Failure(configuration) when it was written for another task.
FitProgress read_checkpoint(const std::string& path, const std::string& task, Fit& fit);

}  // namespace dormouse::learning
