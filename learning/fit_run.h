#pragma once

#include <functional>
#include <limits>
#include <string>

#include "learning/fit.h"
#include "learning/schedule.h"

namespace dormouse::learning {

/// One epoch, as the curve shows it.
struct EpochRecord {
  double loss = 0;  ///< mean over the training rows, before each update
  double validation_loss = 0;
  double accuracy = 0;  ///< of the validation rows; where they are numbers, R² (NumberErrors::r2)
  double rate = 0;      ///< of the last update
};

/// How far a run has come, beside the state of its Fit.
struct FitProgress {
  std::int64_t epoch = 0;  ///< whole epochs
  std::int64_t batch = 0;  ///< batches of the next one
  double loss_sum = 0;     ///< over their rows
  double rows = 0;
  std::vector<EpochRecord> epochs;
  Plateau plateau;
  double best_loss = std::numeric_limits<double>::infinity();  ///< of validation
  std::int64_t best_epoch = 0;
  Parameters best;  ///< only with early stopping
};

/// What a run works on. Batches are functions of epoch and index alone: that is what makes a run the same
/// wherever it is taken up.
struct FitData {
  /// Prepares an epoch; what it returns makes a batch of it, called from other threads, several at once.
  std::function<std::function<Batch(std::size_t index)>(std::size_t epoch)> epoch;
  std::size_t batches = 0;  ///< of an epoch
  /// Loss and accuracy of the validation rows.
  std::function<EpochRecord(const Fit&)> validate;
  /// Updates by one batch: each after the first goes on from what the one before carried (Fit::carried()) in
  /// place of the first of Batch::more.
  std::size_t segments = 1;
};

struct FitRunOptions {
  std::int64_t epochs = 1;
  double rate = 0.01;
  ScheduleOptions schedule = {};
  std::int64_t patience = 0;    ///< epochs without a better validation loss after which it ends; 0: never
  std::size_t prefetch = 2;     ///< batches made ahead
  std::string checkpoint = {};  ///< file; empty: none
  std::int64_t checkpoint_every = 0;  ///< updates, besides the end of each epoch; 0: there alone
  std::string task = {};              ///< what is trained on what: a checkpoint of another is refused
  std::function<void(const FitProgress&, float loss)> on_update = {};
  std::function<void(const FitProgress&)> on_epoch = {};
};

/// Fits until the epochs are over or early stopping ends it; returns the parameters of the best epoch with
/// early stopping, else the last (averaged, where an average is kept). With `resume` it goes on from the
/// checkpoint if there is one, and ends bit for bit as if it had never stopped. Throws Failure(internal)
/// naming epoch, batch, update and the first bad tensor when the loss is not finite, and Failure(corrupt /
/// configuration) when the checkpoint is damaged or of another task.
Parameters run_fit(Fit& fit, const FitData& data, const FitRunOptions& options, FitProgress& progress,
                   bool resume);

}  // namespace dormouse::learning
