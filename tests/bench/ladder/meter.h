#pragma once

#include <cstdint>
#include <optional>

namespace dormouse::bench {

/// What this process spends on a piece of work: CPU time of all its threads, and instructions retired in user
/// space where the system lets us count them (kernel.perf_event_paranoid at most 2, and a machine that has
/// the counter).
class Meter {
 public:
  Meter();
  ~Meter();
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  void start();
  void stop();

  double cpu_seconds() const { return cpu_seconds_; }
  std::optional<double> instructions() const;

 private:
  int counter_;  ///< -1: not permitted
  double started_ = 0;
  double cpu_seconds_ = 0;
};

}  // namespace dormouse::bench
