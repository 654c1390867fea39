#pragma once

#include <list>

#include "drivers/vulkan/commands.h"
#include "drivers/vulkan/descriptors.h"
#include "drivers/vulkan/recorder.h"
#include "drivers/vulkan/residents.h"
#include "drivers/vulkan/stopwatch.h"
#include "engine/driver.h"
#include "engine/whole_program.h"

namespace dormouse::drivers::vulkan {

class Tuner;

/// The arena that the programs of one context take turns to use; as large as the largest asked for.
class Workspace final : public engine::Workspace {
 public:
  explicit Workspace(Device& device) : device_(device) {}

  void reserve(std::size_t bytes) { wanted_ = std::max(wanted_, bytes); }
  /// The memory reserved so far. Throws Failure(too_large) when the device has not as much.
  std::shared_ptr<const Memory> get();

 private:
  Device& device_;
  std::size_t wanted_ = 0;
  std::shared_ptr<const Memory> memory_;
};

/// Of what a partition that is run whole leaves on the device for its next run, outputs that can be inputs
/// then: by output, where that lies in a block, and the bytes of one.
struct Staying {
  explicit Staying(const engine::Partition& partition);

  std::vector<std::optional<std::size_t>> offsets;
  std::size_t bytes = 0;
};

/// A partition as recorded command buffers: inputs are copied to the device, dispatches run one behind the
/// other, outputs are copied back. As a whole program, outputs that can be inputs of the next run stay on the
/// device, where that one reads them, and are copied to the host meanwhile.
class Program final : public engine::Program, public engine::WholeProgram {
 public:
  Program(const engine::Partition& partition, Device& device, Constants& constants, Tuner& tuner,
          Workspace& workspace, bool measure);
  ~Program() override { device_.settle(last_); }

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
    bool direct = false;     ///< dispatches may read or write it outside the arena
  };
  /// A copy between the arena and other memory.
  struct Border {
    Slot slot;
    VkBuffer other;
    std::size_t offset;
    std::size_t bytes;
  };

  /// A slot that lies in a block instead of the arena.
  struct Moved {
    Slot slot = 0;
    std::uint64_t block = 0;  ///< its number: another one may get the same handle
    Place place;
    bool operator==(const Moved& other) const {
      return slot == other.slot && block == other.block && place.offset == other.place.offset;
    }
  };
  /// The dispatches, for slots that lie so.
  struct Recording {
    Recording(Device& device, std::vector<Moved> elsewhere) : moved(std::move(elsewhere)), compute(device) {}
    std::vector<Moved> moved;
    Descriptors descriptors;
    Commands compute;
  };

  std::vector<Transfer> transfers(const engine::Partition& partition, std::span<const engine::ValueId> ids);
  void plan_transfers(const engine::Partition& partition);
  void find_direct();
  /// Forgets what was recorded when the arena has moved.
  void prepare();
  /// Recorded now, unless slots have lain so lately.
  Recording& recording(std::vector<Moved> moved);
  void record_calls(Recording& recording);
  void record_in(std::span<const Border> copies);
  void record_out(std::span<const Border> copies);
  /// Computes by portable kernels what a run leaves on the device.
  Block::Remake remaking(std::span<const engine::Tensor* const> inputs);
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
  std::shared_ptr<const engine::Graph> alone_;  ///< the partition; null until it is run whole
  Memory upload_, download_;                    ///< empty where the host sees the arena
  std::vector<Pipeline> pipelines_;
  std::list<Recording> recordings_;       ///< for arena_; the latest first
  bool borders_are_plain_ = false;        ///< before_ and after_ are what run() takes
  std::unique_ptr<Stopwatch> stopwatch_;  ///< of a program that is measured
  Commands before_, after_;
  Moment last_;  ///< of the last run
};

}  // namespace dormouse::drivers::vulkan
