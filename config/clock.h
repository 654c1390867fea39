#pragma once

#include <chrono>

namespace dormouse {

/// Where time comes from, so that tests can say what time it is. Thread-safe to read.
class Clock {
 public:
  using Steady = std::chrono::steady_clock::time_point;
  using Wall = std::chrono::system_clock::time_point;

  virtual ~Clock() = default;
  /// Never goes back: for intervals and deadlines.
  virtual Steady now() const = 0;
  /// The time of day: for what is stored and shown. May jump.
  virtual Wall wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  Steady now() const override { return std::chrono::steady_clock::now(); }
  Wall wall() const override { return std::chrono::system_clock::now(); }
};

/// Stands still until it is told otherwise. Not thread-safe while it is advanced.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Wall start = Wall{std::chrono::seconds{1'700'000'000}}) : wall_(start) {}

  Steady now() const override { return steady_; }
  Wall wall() const override { return wall_; }
  void advance(std::chrono::nanoseconds by) {
    steady_ += std::chrono::duration_cast<Steady::duration>(by);
    wall_ += std::chrono::duration_cast<Wall::duration>(by);
  }

 private:
  Steady steady_{};
  Wall wall_;
};

}  // namespace dormouse
