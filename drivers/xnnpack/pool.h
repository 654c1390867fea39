#pragma once

#include <atomic>
#include <mutex>

#include "drivers/xnnpack/program.h"
#include "engine/parallel.h"

namespace dormouse::drivers::xnnpack {

/// XNNPACK's threads, which portable kernels may use, too.
class Pool final : public engine::Parallel {
 public:
  Pool(std::size_t threads, bool spin);
  ~Pool() override;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  Threads get() const { return threads_; }
  std::size_t threads() const override;
  std::int64_t worthwhile() const override;
  void run(std::size_t tasks, engine::FunctionRef<void(std::size_t)> task) const override;

 private:
  mutable std::mutex mutex_;  ///< for task_
  mutable const engine::FunctionRef<void(std::size_t)>* task_ = nullptr;
  mutable std::atomic<std::size_t> begun_ = 0, done_ = 0;
  Threads threads_;
};

}  // namespace dormouse::drivers::xnnpack
