#pragma once

#include <atomic>
#include <stop_token>

#include "config/clock.h"
#include "daemon/service/board.h"
#include "daemon/service/options.h"

namespace dormouse::daemon {

/// Keeps an eye on the board while a night works. Lives on the training thread.
class NightWatch {
 public:
  /// All are borrowed. `hot` says to others that the night pauses. The board is looked at once in `period`.
  NightWatch(const Board& board, const NightOptions& options, const Clock& clock,
             std::chrono::milliseconds period, std::atomic<bool>& hot);

  /// Returns at once while all is well, waits while the board is too hot, and says why the night has to end
  /// when it has to: power was unplugged, or it stayed hot until `worked` and the pauses filled `budget`
  /// seconds. Returns too when `stop` is requested.
  std::optional<std::string> look(double worked, double budget, std::stop_token stop);
  bool energy_spent() { return options_.energy && energy_.joules() >= *options_.energy; }
  EnergyMeter& energy() { return energy_; }

 private:
  const Board& board_;
  const NightOptions& options_;
  const Clock& clock_;
  std::chrono::milliseconds period_;
  std::atomic<bool>& hot_;
  EnergyMeter energy_;
  std::optional<Clock::Steady> looked_;
  double paused_ = 0;  ///< seconds
};

}  // namespace dormouse::daemon
