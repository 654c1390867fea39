#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "drivers/vulkan/commands.h"
#include "drivers/vulkan/device.h"
#include "engine/tensor.h"

namespace dormouse::drivers::vulkan {

/// Memory of a device, and some of the host's where the host does not see it: to send from, or to keep a
/// copy.
class Block {
 public:
  /// `use` of the host's: Use::upload or Use::download. Throws Failure(too_large) when there is no memory
  /// left.
  Block(Device& device, std::size_t bytes, Device::Use use);
  ~Block();

  Device& of() const { return device_; }
  std::uint64_t number() const { return number_; }  ///< no other block of the device has it, or had
  const Memory& device() const { return memory_; }
  /// Where the host writes or reads.
  std::byte* seen() const { return memory_.mapped ? memory_.mapped : host_.mapped; }

  /// When what was sent is there.
  const Moment& arrival() const { return arrival_; }
  /// Until nothing is copied to it or from it. Throws Failure(unavailable) when the device is lost.
  void wait() const { device_.wait(copied_); }
  /// Starts to copy what the host wrote to the device.
  void send();
  /// Writes to seen() what the device held.
  using Remake = std::function<void(std::byte* seen)>;
  /// Starts to copy what the device wrote, when `written` has come, to the host; if the device is lost before
  /// it gets there, `remake` is called when the host asks.
  void fetch(const Moment& written, Remake remake);
  /// What was fetched is there when this returns, and `remake` is forgotten. Thread-safe.
  void settle() const;
  /// Nobody asks for what it holds any more.
  void forget() { remake_ = nullptr; }

 private:
  /// Begins to copy, by commands that are recorded the first time.
  void copy(const Memory& from, const Memory& to, std::span<const Moment> behind);

  Device& device_;
  std::uint64_t number_;
  Memory memory_, host_;
  std::unique_ptr<Commands> copying_;
  Moment copied_, arrival_;
  mutable std::mutex mutex_;
  mutable Remake remake_;  ///< null: settled
};

/// Elements that lie in a block: the host reads its own copy, which is good when the device has failed, too,
/// and the device its own. Not to outlive the device.
class Resident final : public engine::Buffer {
 public:
  /// Fetched.
  Resident(std::shared_ptr<const Block> block, std::size_t offset, std::size_t bytes)
      : Buffer(block->seen() + offset, bytes, engine::kReadSlack, OnFirstRead{}),
        block_(std::move(block)),
        offset_(offset) {}
  /// Sent from `source`, where the host reads it.
  Resident(std::shared_ptr<const Block> block, engine::Tensor source)
      : Buffer(const_cast<std::byte*>(source.data()), source.byte_size(), false, slack_of(source)),
        block_(std::move(block)),
        source_(std::move(source)) {}

  const std::shared_ptr<const Block>& block() const { return block_; }
  std::size_t offset() const { return offset_; }

 private:
  static std::size_t slack_of(const engine::Tensor& source) {
    const auto begin = static_cast<std::size_t>(source.address() - source.buffer()->address());
    return source.buffer()->readable() - begin - source.byte_size();
  }
  void keep() const override { block_->settle(); }

  std::shared_ptr<const Block> block_;
  std::size_t offset_ = 0;
  engine::Tensor source_;
};

/// Where all elements of a tensor lie on `device`, or null.
const Resident* resident_on(const Device& device, const engine::Tensor& tensor);

/// Blocks of one size: one that nobody holds any more serves again. Blocks may be let go of in any thread,
/// and after this has gone.
class Residents {
 public:
  Residents(Device& device, std::size_t bytes, Device::Use use)
      : device_(device), bytes_(bytes), use_(use), shelf_(std::make_shared<Shelf>()) {}

  /// Throws Failure(too_large) when there is no memory left. Thread-safe.
  std::shared_ptr<Block> take() const;

 private:
  struct Shelf {
    std::mutex mutex;
    std::unique_ptr<Block> waiting;
  };

  Device& device_;
  std::size_t bytes_;
  Device::Use use_;
  std::shared_ptr<Shelf> shelf_;
};

/// Tensors sent to a device before a run asks for them. Thread-safe.
class Sent {
 public:
  explicit Sent(Device& device) : device_(device) {}

  /// The same elements, on their way. Throws Failure(too_large) when there is no memory left, and
  /// Failure(unavailable) when the device is lost.
  engine::Tensor send(const engine::Tensor& tensor);

 private:
  Device& device_;
  std::mutex mutex_;
  std::map<std::size_t, Residents> blocks_;  ///< by size
};

}  // namespace dormouse::drivers::vulkan
