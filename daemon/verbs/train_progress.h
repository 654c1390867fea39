#pragma once

#include <chrono>
#include <string>

#include "learning/train.h"

namespace dormouse::daemon {

/// How training is shown while it goes on: on a terminal a line that is written over and over, a line of JSON
/// an epoch with --json, else a line of text an epoch.
class TrainDisplay {
 public:
  enum class Mode { bar, json, text };
  using Seconds = std::chrono::duration<double>;

  /// `numbers`: what is shown of validation is R², and no accuracy.
  TrainDisplay(Mode mode, std::size_t batch, bool numbers = false)
      : mode_(mode), batch_(batch), numbers_(numbers) {}

  /// What to write after an update; empty for most. `elapsed` is since the start.
  std::string update(const learning::TrainProgress& progress, Seconds elapsed);
  /// What to write after an epoch.
  std::string epoch(const learning::TrainProgress& progress, Seconds elapsed);

 private:
  Mode mode_;
  std::size_t batch_;
  bool numbers_;
  Seconds drawn_{-1};
  std::int64_t updates_ = 0;  ///< that this run has seen; fewer than there were when it was resumed
};

}  // namespace dormouse::daemon
