#include "drivers/vulkan/residents.h"

namespace dormouse::drivers::vulkan {

const Resident* resident_on(const Device& device, const engine::Tensor& tensor) {
  const auto* const resident = dynamic_cast<const Resident*>(tensor.buffer().get());
  const bool here = resident && resident->block()->of == &device;
  return here && tensor.byte_size() == resident->size() ? resident : nullptr;
}

std::shared_ptr<const Block> Residents::take() const {
  std::unique_ptr<const Block> block;
  {
    const std::lock_guard lock(shelf_->mutex);
    block = std::move(shelf_->waiting);
  }
  if (!block) {
    Block made{&device_, device_.allocate(bytes_ + engine::kReadSlack, Device::Use::device), {}};
    if (!made.device.mapped) made.host = device_.allocate(bytes_ + engine::kReadSlack, Device::Use::download);
    block = std::make_unique<const Block>(std::move(made));
  }
  const auto give_back = [shelf = std::weak_ptr(shelf_)](const Block* left) {
    std::unique_ptr<const Block> mine(left);
    const auto open = shelf.lock();
    if (!open) return;
    const std::lock_guard lock(open->mutex);
    open->waiting.swap(mine);
  };
  return {block.release(), give_back};
}

}  // namespace dormouse::drivers::vulkan
