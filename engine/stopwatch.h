#pragma once

#include <chrono>
#include <map>
#include <utility>

namespace dormouse::engine {

class Driver;

/// Time by driver; null: portable kernels.
using Spent = std::map<const Driver*, std::chrono::nanoseconds>;

/// Reads the clock only where one driver hands over to another. Without `spent` it does nothing.
class Stopwatch {
 public:
  explicit Stopwatch(Spent* spent) : spent_(spent) {
    if (spent_) since_ = Clock::now();
  }
  ~Stopwatch() { stop(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  void hand_over(const Driver* driver) {
    if (driver == running_) return;
    stop();
    running_ = driver;
  }

 private:
  using Clock = std::chrono::steady_clock;
  void stop() {
    if (!spent_) return;
    const Clock::time_point now = Clock::now();
    (*spent_)[running_] += now - std::exchange(since_, now);
  }

  Spent* spent_;
  const Driver* running_ = nullptr;
  Clock::time_point since_;
};

}  // namespace dormouse::engine
