#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "drivers/tunes.h"
#include "drivers/vulkan/tile.h"
#include "engine/driver.h"
#include "engine/sends_ahead.h"

namespace dormouse::drivers::vulkan {

class Constants;
class Device;
class Sent;
class Tuner;

/// Computes partitions on a device that speaks Vulkan 1.2: in f32, but products that the model has in f16 are
/// multiplied so where the device does (engine/halves.h; sums of more than 16 are f32). Programs of one
/// driver share constants and compiled shaders.
class VulkanDriver final : public engine::Driver, public engine::SendsAhead, public Tunes {
 public:
  struct Options {
    /// The machine's device of that number ("0"), type ("discrete", "integrated", "virtual", "cpu") or a part
    /// of its name. Empty: a GPU, if there is one; never a CPU that plays one.
    std::string device = {};
    /// Compiled shaders are kept in a file here, so that the next process need not compile them. Empty:
    /// nowhere.
    std::filesystem::path cache = {};
    /// What comes and goes is copied even where the host sees the device's memory: as on a GPU with its own.
    bool staged = false;
    /// Of the device's memory so many bytes are used at most.
    std::size_t memory = SIZE_MAX;
    /// Called before so many bytes of it are taken; what it throws, taking them does.
    std::function<void(std::size_t)> before_allocation = {};
    /// Asked before work is given to the device: whether it is lost now.
    std::function<bool()> loses = {};
    /// Nothing is used that a device need not have: no operations of subgroups, nothing of f16.
    bool plain = false;
    /// Products of f16 are computed by units for matrices, where there are any.
    bool matrices = true;
    /// How products are best cut is kept in this file. Empty: for this process alone.
    std::filesystem::path tiles = {};
    /// It is measured where it is not known, for so long a plan; on a GPU, or on any device.
    std::chrono::nanoseconds tuning{0};
    bool tunes_any = false;
    /// How every product is cut, whatever was measured.
    std::optional<Tile> tile = {};
  };
  /// Throws Failure(unavailable) saying why when there is no such device or it does not work.
  explicit VulkanDriver(const Options& options);
  ~VulkanDriver() override;

  std::string_view name() const override { return "vulkan"; }
  const std::string& device_name() const;
  /// Another one after its software was updated: what was measured or compiled by it is of no use then.
  std::string device_identity() const;
  /// How it multiplies what was of f16 in a model: "f32", "f16" or "f16 matrices".
  std::string_view halves() const;
  /// Whether it computes in the host's memory, as most boards do.
  bool unified() const;
  /// How the device may cut products.
  std::vector<Tile> tiles() const;
  bool supports(const engine::Graph& graph, const engine::Node& node) const override;
  /// Not what is too large for the device, or for what it has left; the log says so.
  bool worthwhile(const engine::Partition& partition) const override;
  std::shared_ptr<engine::Workspace> open_workspace() const override;
  std::unique_ptr<engine::Program> compile(const engine::Partition& partition, engine::Workspace& workspace,
                                           bool measure) const override;
  /// Of the host's memory: all that a program takes where the device computes in that, as most boards' do;
  /// else what is carried waits there. What a training step keeps there is its inputs and outputs.
  engine::ProgramMemory foresee(const engine::Partition& partition) const override;

  /// Whether every product in it is cut as was measured, or will not be measured.
  bool tuned(const engine::Partition& partition) const override;

  /// Large ones, where the device has memory of its own.
  engine::Tensor sent(const engine::Tensor& tensor) const override;

  /// Bytes of the device's memory that are taken now, and how many copies were recorded to, from or on it.
  std::size_t allocated() const;
  std::size_t copies() const;

 private:
  std::unique_ptr<Device> device_;
  std::unique_ptr<Constants> constants_;
  std::unique_ptr<Tuner> tuner_;
  std::unique_ptr<Sent> sent_;
};

/// Whether the elements lie on a device of this driver, too, because a step left them there.
bool is_resident(const engine::Tensor& tensor);

/// The operators that it computes, ONNX's and ours.
std::vector<std::string_view> kernel_names();

}  // namespace dormouse::drivers::vulkan
