#pragma once

#include <functional>
#include <string>

#include "learning/fit_run.h"
#include "learning/model_spec.h"

namespace dormouse::learning {

struct TeacherModel;

/// Where training stands, after an update or an epoch.
struct TrainProgress {
  std::int64_t epoch = 0;  ///< from 1
  std::int64_t epochs = 0;
  std::int64_t batch = 0;  ///< of the epoch; 0 when the epoch is over
  std::int64_t batches = 0;
  float loss = 0;           ///< of the update, or the mean over the epoch
  EpochRecord record = {};  ///< of the epoch, once it is over
};

using TrainReport = std::function<void(const TrainProgress&)>;

/// What a run of training leaves behind, and goes on from.
struct TrainRun {
  std::size_t inputs_per_class = 0;       ///< raw inputs to keep for the seed
  std::string checkpoint = {};            ///< file; empty: none
  bool resume = false;                    ///< from the checkpoint, where there is one
  const TeacherModel* teacher = nullptr;  ///< borrowed; TrainOptions::distillation says how it is listened to
  TrainReport on_update = {};
};

/// How run_fit() goes about what these ask for: `batches` an epoch, of a task that is called `task`. What is
/// given is borrowed for the run.
FitRunOptions fit_run_options(const TrainOptions& options, const TrainRun& run, const TrainReport& report,
                              std::size_t batches, std::string task);

}  // namespace dormouse::learning
