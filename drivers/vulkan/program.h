#pragma once

#include "drivers/vulkan/commands.h"
#include "drivers/vulkan/recorder.h"
#include "engine/driver.h"

namespace dormouse::drivers::vulkan {

/// The arena that the programs of one context take turns to use; as large as the largest asked for.
class Workspace final : public engine::Workspace {
 public:
  explicit Workspace(Device& device) : device_(device) {}

  void reserve(std::size_t bytes) { wanted_ = std::max(wanted_, bytes); }
  /// The memory reserved so far. Throws Failure(unavailable) when the device has not as much.
  std::shared_ptr<const Memory> get();

 private:
  Device& device_;
  std::size_t wanted_ = 0;
  std::shared_ptr<const Memory> memory_;
};

/// A partition as a recorded command buffer: inputs are copied to the device, dispatches run one behind the
/// other, outputs are copied back.
class Program final : public engine::Program {
 public:
  Program(const engine::Partition& partition, Device& device, Constants& constants, Workspace& workspace);

  void run(std::span<const engine::View> inputs, std::span<const engine::View> outputs) override;

 private:
  /// What goes to the device or comes back, and where it lies while it waits.
  struct Transfer {
    std::size_t index = 0;  ///< of the partition's inputs or outputs
    Slot slot = 0;
    engine::DType dtype{};
    std::size_t elements = 0;
    std::size_t offset = 0;  ///< in the staging memory
  };

  std::vector<Transfer> transfers(const engine::Partition& partition, std::span<const engine::ValueId> ids);
  std::vector<Transfer> read_inputs(const engine::Partition& partition);
  std::size_t stage(std::vector<Transfer>& transfers) const;
  void record();
  void record_copies(const std::vector<Transfer>& transfers, const Memory& staging, bool in);
  void record_calls();
  void make_sets();
  VkDescriptorBufferInfo where(Slot slot) const;
  std::byte* host_address(const Transfer& transfer, const Memory& staging) const;

  Device& device_;
  Workspace& workspace_;
  Recorder recorder_;
  std::size_t arena_bytes_ = 0;
  std::shared_ptr<const Memory> arena_;
  std::vector<Transfer> inputs_, outputs_;
  Memory upload_, download_;  ///< empty where the host sees the arena
  std::vector<Pipeline> pipelines_;
  Owned<VkDescriptorPool> set_pool_;
  std::vector<VkDescriptorSet> sets_;
  Commands commands_;
};

}  // namespace dormouse::drivers::vulkan
