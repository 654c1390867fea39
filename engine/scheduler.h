#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <stop_token>
#include <utility>

namespace dormouse::engine {

/// Two priorities for one set of cores: foreground requests always pass background work.
///
/// Requests announce themselves; sleep calls give_way() between micro-batches and waits there while any
/// request is queued or running. Thread-safe.
class Scheduler {
 public:
  /// A request from when it is queued until it is answered.
  class Foreground {
   public:
    explicit Foreground(Scheduler& scheduler) : scheduler_(&scheduler) { scheduler_->arrive(); }
    Foreground(Foreground&& other) noexcept : scheduler_(std::exchange(other.scheduler_, nullptr)) {}
    Foreground& operator=(Foreground&&) = delete;
    ~Foreground() {
      if (scheduler_) scheduler_->leave();
    }

   private:
    Scheduler* scheduler_;
  };

  Foreground foreground() { return Foreground(*this); }

  /// Returns when no request is in the way, or `stop` is requested. Under a load without gaps background work
  /// still gets one turn every 200 ms, so a night ends.
  void give_way(std::stop_token stop);
  /// Requests queued or running now.
  std::size_t foreground_count() const;
  /// How often give_way() had to wait.
  std::size_t yields() const;

 private:
  void arrive();
  void leave();

  mutable std::mutex mutex_;
  std::condition_variable_any idle_;
  std::size_t foreground_ = 0;
  std::size_t yields_ = 0;
};

}  // namespace dormouse::engine
