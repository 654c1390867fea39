#pragma once

#include <memory>
#include <mutex>

#include "drivers/vulkan/device.h"
#include "engine/tensor.h"

namespace dormouse::drivers::vulkan {

/// Memory of a device, and a copy of it that the host sees where it does not see the device's.
struct Block {
  const Device* of = nullptr;
  Memory device;
  Memory host;
  std::byte* seen() const { return device.mapped ? device.mapped : host.mapped; }
};

/// Elements that lie in a block: the host reads its copy, which stays good when the device fails, and the
/// device its own. Not to outlive the device.
class Resident final : public engine::Buffer {
 public:
  Resident(std::shared_ptr<const Block> block, std::size_t offset, std::size_t bytes)
      : Buffer(block->seen() + offset, bytes, false, engine::kReadSlack),
        block_(std::move(block)),
        offset_(offset) {}

  const std::shared_ptr<const Block>& block() const { return block_; }
  std::size_t offset() const { return offset_; }

 private:
  std::shared_ptr<const Block> block_;
  std::size_t offset_;
};

/// Where all elements of a tensor lie on `device`, or null.
const Resident* resident_on(const Device& device, const engine::Tensor& tensor);

/// The blocks of one program: what a run leaves serves a later one when nobody holds any of it. Blocks may be
/// let go of in any thread, and after the program has gone.
class Residents {
 public:
  Residents(const Device& device, std::size_t bytes)
      : device_(device), bytes_(bytes), shelf_(std::make_shared<Shelf>()) {}

  /// Throws Failure(too_large) when there is no memory left.
  std::shared_ptr<const Block> take() const;

 private:
  struct Shelf {
    std::mutex mutex;
    std::unique_ptr<const Block> waiting;
  };

  const Device& device_;
  std::size_t bytes_;
  std::shared_ptr<Shelf> shelf_;
};

}  // namespace dormouse::drivers::vulkan
