#include "engine/on_demand.h"

#include <sys/mman.h>

#include <atomic>
#include <cstring>
#include <mutex>
#include <new>

#include "engine/heap_buffer.h"
#include "engine/mapped.h"

namespace dormouse::engine {
namespace {

/// Its addresses are taken from the start, and memory behind them when it is kept.
class OnDemand final : public Buffer {
 public:
  OnDemand(std::size_t size, Make make)
      : Buffer(reserve(size + kReadSlack), size, kReadSlack, OnFirstRead{}), make_(std::move(make)) {}
  ~OnDemand() override { ::munmap(const_cast<std::byte*>(address()), size() + kReadSlack); }

  bool is_kept() const { return kept_.load(std::memory_order_acquire); }
  void write(std::size_t first, std::span<std::byte> to) const { make_(first, to); }

 private:
  static std::byte* reserve(std::size_t size) {
    void* const range =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) throw std::bad_alloc();
    return static_cast<std::byte*>(range);
  }

  void keep() const override {
    if (is_kept()) return;
    const std::lock_guard lock(mutex_);
    if (is_kept()) return;
    make_(0, {const_cast<std::byte*>(address()), size()});
    kept_.store(true, std::memory_order_release);
  }

  Make make_;
  mutable std::mutex mutex_;
  mutable std::atomic<bool> kept_ = false;
};

const OnDemand* on_demand_of(const Tensor& tensor) {
  return dynamic_cast<const OnDemand*>(tensor.buffer().get());
}

}  // namespace

std::shared_ptr<Buffer> on_demand(std::size_t size, Make make) {
  return std::make_shared<OnDemand>(size, std::move(make));
}

bool is_unmade(const Tensor& tensor) {
  const OnDemand* const buffer = on_demand_of(tensor);
  return buffer && !buffer->is_kept();
}

bool is_reproducible(const Tensor& tensor) { return on_demand_of(tensor) || is_mapped(tensor); }

void write_elements(const Tensor& tensor, std::size_t first, std::span<std::byte> to) {
  if (to.empty()) return;
  if (is_unmade(tensor))
    on_demand_of(tensor)->write(
        static_cast<std::size_t>(tensor.address() - tensor.buffer()->address()) + first, to);
  else
    std::memcpy(to.data(), tensor.data() + first, to.size());
}

Tensor made(const Tensor& tensor) {
  if (!is_unmade(tensor)) return tensor;
  auto copy = lasting_buffer(tensor.byte_size());  // the system has the memory back at once
  write_elements(tensor, 0, {copy->writable_data(), copy->size()});
  return {tensor.dtype(), tensor.shape(), std::move(copy), 0};
}

}  // namespace dormouse::engine
