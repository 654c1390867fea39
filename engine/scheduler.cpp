#include "engine/scheduler.h"

#include <chrono>

namespace dormouse::engine {
namespace {

constexpr std::chrono::milliseconds kPatience{200};

}  // namespace

void Scheduler::arrive() {
  const std::lock_guard lock(mutex_);
  ++foreground_;
}

void Scheduler::leave() {
  const std::lock_guard lock(mutex_);
  if (--foreground_ == 0) idle_.notify_all();
}

void Scheduler::give_way(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  if (foreground_ == 0) return;
  ++yields_;
  idle_.wait_for(lock, stop, kPatience, [&] { return foreground_ == 0; });
}

std::size_t Scheduler::foreground_count() const {
  const std::lock_guard lock(mutex_);
  return foreground_;
}

std::size_t Scheduler::yields() const {
  const std::lock_guard lock(mutex_);
  return yields_;
}

}  // namespace dormouse::engine
