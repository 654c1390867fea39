#include "daemon/service/night_watch.h"

#include <condition_variable>
#include <mutex>

namespace dormouse::daemon {
namespace {

void wait(std::chrono::milliseconds period, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, period, [] { return false; });
}

}  // namespace

NightWatch::NightWatch(const Board& board, const NightOptions& options, const Clock& clock,
                       std::chrono::milliseconds period, std::atomic<bool>& hot)
    : board_(board),
      options_(options),
      clock_(clock),
      period_(period),
      hot_(hot),
      energy_(board, options.watts) {}

std::optional<std::string> NightWatch::look(double worked, double budget, std::stop_token stop) {
  if (looked_ && clock_.now() - *looked_ < period_) return std::nullopt;
  for (bool hot = false;; hot = true) {
    looked_ = clock_.now();
    if (auto unfit = why_unfit(options_, board_.on_battery())) return unfit;
    hot_ = too_hot(options_, board_.temperature(), hot);
    if (!hot_ || stop.stop_requested()) return std::nullopt;
    if (worked + paused_ > budget) return "too hot until the budget was spent";
    wait(period_, stop);
    paused_ += std::chrono::duration<double>(clock_.now() - *looked_).count();
  }
}

}  // namespace dormouse::daemon
