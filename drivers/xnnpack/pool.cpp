#include "drivers/xnnpack/pool.h"

#include <pthreadpool.h>

namespace dormouse::drivers::xnnpack {

Pool::Pool(std::size_t threads, bool spin) : threads_{pthreadpool_create(threads), spin} {}

Pool::~Pool() { pthreadpool_destroy(threads_.pool); }

std::size_t Pool::threads() const { return pthreadpool_get_threads_count(threads_.pool); }

// Five microseconds of work where threads look for it; ones that sleep take some fifty to wake.
std::int64_t Pool::worthwhile() const { return threads_.spin ? 100'000 : 1'000'000; }

// The pool orders tasks by itself; the counters say so to the thread sanitizer, which does not see into it.
void Pool::run(std::size_t tasks, engine::FunctionRef<void(std::size_t)> task) const {
  const std::lock_guard lock(mutex_);
  task_ = &task;
  const auto entry = [](void* pool, std::size_t i) noexcept {
    const Pool& self = *static_cast<const Pool*>(pool);
    static_cast<void>(self.begun_.load(std::memory_order_acquire));
    (*self.task_)(i);
    self.done_.fetch_add(1, std::memory_order_release);
  };
  begun_.fetch_add(1, std::memory_order_release);
  pthreadpool_parallelize_1d(threads_.pool, entry, const_cast<Pool*>(this), tasks,
                             threads_.spin ? 0 : PTHREADPOOL_FLAG_YIELD_WORKERS);
  static_cast<void>(done_.load(std::memory_order_acquire));
}

}  // namespace dormouse::drivers::xnnpack
