#pragma once

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
  void run(std::size_t tasks, const std::function<void(std::size_t)>& task) const override;

 private:
  Threads threads_;
};

}  // namespace dormouse::drivers::xnnpack
