#include "drivers/vulkan/residents.h"

#include "drivers/vulkan/constants.h"

namespace dormouse::drivers::vulkan {

Block::Block(Device& device, std::size_t bytes, Device::Use use)
    : device_(device), number_(device.next_number()), memory_(device.allocate(bytes, Device::Use::device)) {
  if (memory_.mapped) return;
  host_ = device.allocate(bytes, use);
  copying_ = std::make_unique<Commands>(device, Lane::transfer);
}

Block::~Block() { device_.settle(copied_); }

void Block::copy(const Memory& from, const Memory& to, std::span<const Moment> behind) {
  if (!copied_.queue) {
    copying_->begin();
    device_.copy(copying_->get(), {from.buffer.get()}, {to.buffer.get()}, from.bytes);
    VkMemoryBarrier memory{};
    memory.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
    memory.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    memory.dstAccessMask = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;
    device_.api().barrier(copying_->get(), VK_PIPELINE_STAGE_TRANSFER_BIT,
                          VK_PIPELINE_STAGE_HOST_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &memory, 0,
                          nullptr, 0, nullptr);
    copying_->end();
  }
  copied_ = copying_->submit(behind);
}

void Block::send() {
  if (memory_.mapped) return;
  copy(host_, memory_, {});
  arrival_ = copied_;
}

void Block::fetch(const Moment& written, Remake remake) {
  if (memory_.mapped) return;
  copy(memory_, host_, std::array{written});
  const std::lock_guard lock(mutex_);
  remake_ = std::move(remake);
}

void Block::settle() const {
  const std::lock_guard lock(mutex_);
  if (!remake_) return;
  try {
    wait();
  } catch (const Failure&) {
    remake_(seen());
  }
  remake_ = nullptr;
}

const Resident* resident_on(const Device& device, const engine::Tensor& tensor) {
  const auto* const resident = dynamic_cast<const Resident*>(tensor.buffer().get());
  const bool here = resident && &resident->block()->of() == &device;
  return here && tensor.byte_size() == resident->size() ? resident : nullptr;
}

std::shared_ptr<Block> Residents::take() const {
  std::unique_ptr<Block> block;
  {
    const std::lock_guard lock(shelf_->mutex);
    block = std::move(shelf_->waiting);
  }
  if (!block) block = std::make_unique<Block>(device_, bytes_ + engine::kReadSlack, use_);
  const auto give_back = [shelf = std::weak_ptr(shelf_)](Block* left) {
    std::unique_ptr<Block> mine(left);
    const auto open = shelf.lock();
    if (!open) return;
    mine->forget();
    const std::lock_guard lock(open->mutex);
    open->waiting.swap(mine);
  };
  return {block.release(), give_back};
}

engine::Tensor Sent::send(const engine::Tensor& tensor) {
  const std::size_t bytes = device_bytes(tensor.elements());
  std::shared_ptr<Block> block;
  {
    constexpr std::size_t kSizes = 16;
    const std::lock_guard lock(mutex_);
    if (blocks_.size() > kSizes) blocks_.clear();
    block = blocks_.try_emplace(bytes, device_, bytes, Device::Use::upload).first->second.take();
  }
  block->wait();
  to_device(tensor.dtype(), static_cast<std::size_t>(tensor.elements()), tensor.data(), block->seen());
  block->send();
  return {tensor.dtype(), tensor.shape(), std::make_shared<Resident>(std::move(block), tensor), 0};
}

}  // namespace dormouse::drivers::vulkan
