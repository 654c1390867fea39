#include "drivers/xnnpack/pool.h"

#include <pthreadpool.h>

namespace dormouse::drivers::xnnpack {

Pool::Pool(std::size_t threads, bool spin) : threads_{pthreadpool_create(threads), spin} {}

Pool::~Pool() { pthreadpool_destroy(threads_.pool); }

std::size_t Pool::threads() const { return pthreadpool_get_threads_count(threads_.pool); }

void Pool::run(std::size_t tasks, const std::function<void(std::size_t)>& task) const {
  using Task = std::function<void(std::size_t)>;
  const auto call = [](void* with, std::size_t i) { (*static_cast<const Task*>(with))(i); };
  pthreadpool_parallelize_1d(threads_.pool, call, const_cast<Task*>(&task), tasks,
                             threads_.spin ? 0 : PTHREADPOOL_FLAG_YIELD_WORKERS);
}

}  // namespace dormouse::drivers::xnnpack
