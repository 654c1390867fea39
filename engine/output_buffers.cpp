#include "engine/output_buffers.h"

#include <utility>

namespace dormouse::engine {

OutputBuffers::OutputBuffers(std::vector<std::size_t> sizes)
    : sizes_(std::move(sizes)), shelf_(std::make_shared<Shelf>()) {
  shelf_->waiting.resize(sizes_.size());
}

std::shared_ptr<Buffer> OutputBuffers::take(std::size_t i) const {
  std::shared_ptr<Buffer> buffer;
  {
    const std::lock_guard lock(shelf_->mutex);
    buffer = std::exchange(shelf_->waiting[i], nullptr);
  }
  if (!buffer) buffer = Buffer::allocate(sizes_[i]);
  Buffer* const given = buffer.get();
  return {given, [i, buffer = std::move(buffer), shelf = std::weak_ptr(shelf_)](Buffer*) mutable {
            const auto here = shelf.lock();
            if (!here) return;
            const std::lock_guard lock(here->mutex);
            if (!here->waiting[i]) here->waiting[i] = std::move(buffer);
          }};
}

}  // namespace dormouse::engine
