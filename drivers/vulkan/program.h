#pragma once

#include "drivers/vulkan/commands.h"
#include "drivers/vulkan/descriptors.h"
#include "drivers/vulkan/recorder.h"
#include "drivers/vulkan/residents.h"
#include "drivers/vulkan/stopwatch.h"
#include "engine/driver.h"
#include "engine/whole_program.h"

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

/// A partition as recorded command buffers: inputs are copied to the device, dispatches run one behind the
/// other, outputs are copied back. As a whole program, outputs that can be inputs of the next run stay on the
/// device.
class Program final : public engine::Program, public engine::WholeProgram {
 public:
  Program(const engine::Partition& partition, Device& device, Constants& constants, Tuner& tuner,
          Workspace& workspace, bool measure);

  void run(std::span<const engine::View> inputs, std::span<const engine::View> outputs) override;
  std::vector<engine::Tensor> run_whole(std::span<const engine::Tensor* const> inputs) override;
  std::vector<Part> parts() const override;

 private:
  /// What goes to the device or comes back, and where it lies while it waits.
  struct Transfer {
    std::size_t index = 0;  ///< of the partition's inputs or outputs
    Slot slot = 0;
    engine::DType dtype{};
    engine::Shape shape;
    std::size_t bytes = 0;   ///< on the device
    std::size_t offset = 0;  ///< in the staging memory
    bool stays = false;      ///< of a whole program's outputs: on the device
    std::size_t kept = 0;    ///< its offset there
  };
  /// A copy between the arena and other memory.
  struct Border {
    Slot slot;
    VkBuffer other;
    std::size_t offset;
    std::size_t bytes;
  };

  std::vector<Transfer> transfers(const engine::Partition& partition, std::span<const engine::ValueId> ids);
  void plan_transfers(const engine::Partition& partition);
  /// Records anew when the arena has moved.
  void prepare();
  void record_calls();
  void record_in(std::span<const Border> copies);
  /// `left` is copied to the host behind the copies, if it is not null and the host does not see it.
  void record_out(std::span<const Border> copies, const Block* left);
  VkDescriptorBufferInfo where(Slot slot) const;
  std::byte* host_address(const Transfer& transfer, const Memory& staging) const;
  void send(const Transfer& transfer, const std::byte* from, std::vector<Border>& copies);
  void ask_for(const Transfer& transfer, std::vector<Border>& copies) const;
  void receive(const Transfer& transfer, std::byte* to) const;

  Device& device_;
  Workspace& workspace_;
  Recorder recorder_;
  std::size_t arena_bytes_ = 0;
  std::shared_ptr<const Memory> arena_;
  std::vector<Transfer> inputs_, outputs_;
  std::size_t kept_bytes_ = 0;
  std::unique_ptr<Residents> residents_;
  Memory upload_, download_;  ///< empty where the host sees the arena
  std::vector<Pipeline> pipelines_;
  Descriptors descriptors_;
  bool recorded_ = false;                 ///< compute_ is for arena_
  bool borders_are_plain_ = false;        ///< before_ and after_ are what run() takes
  std::unique_ptr<Stopwatch> stopwatch_;  ///< of a program that is measured
  Commands before_, compute_, after_;
};

}  // namespace dormouse::drivers::vulkan
