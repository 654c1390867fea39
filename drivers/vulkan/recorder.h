#pragma once

#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "drivers/vulkan/constants.h"
#include "drivers/vulkan/finish.h"
#include "drivers/vulkan/tile.h"
#include "engine/driver.h"

namespace dormouse::drivers::vulkan {

/// A run of memory that dispatches read and write, numbered.
using Slot = std::uint32_t;

struct SlotInfo {
  std::size_t bytes = 0;
  std::shared_ptr<const Constant> constant;  ///< else it lies in the arena
  bool halves = false;                       ///< of which the elements are f16
  std::size_t first = 0, last = 0;           ///< dispatches during which it is needed, counted from 1
  std::size_t offset = 0;                    ///< in the arena
  std::optional<Slot> whole = {};            ///< that it is a part of
  std::size_t within = 0;                    ///< its offset there
};

/// The words that a shader is pushed, at most 32.
class Push {
 public:
  template <class T>
  Push& add(T word) {
    static_assert(sizeof(T) == 4);
    std::memcpy(&words_.at(count_++), &word, 4);
    return *this;
  }
  std::uint32_t bytes() const { return 4 * static_cast<std::uint32_t>(count_); }
  const void* data() const { return words_.data(); }

 private:
  std::array<std::uint32_t, 32> words_{};
  std::size_t count_ = 0;
};

struct Groups {
  std::uint32_t x = 1, y = 1, z = 1;
};

/// One dispatch. The slots are the shader's bindings in order; those from `first_written` on are written.
struct Call {
  Shader shader{};
  std::vector<std::uint32_t> constants = {};  ///< specialisation; the first is the size of a work group
  std::vector<Slot> slots = {};
  std::size_t first_written = 0;
  Push push = {};
  Groups groups = {};
  std::string_view of = {};  ///< the operator that it computes, or a part of
  bool beside = false;       ///< it writes where no call before it did that wrote to the same slot
};

struct Uncut;

/// What a partition takes on a device: collects dispatches, then places what they read and write.
class Recorder {
 public:
  /// What it asks for: a constant's place, the same as f16 (null where that would lose something), and how a
  /// product is to be cut.
  struct Means {
    std::function<std::shared_ptr<const Constant>(const engine::Tensor&)> constant, halves;
    std::function<Tile(const Uncut&)> tile;
  };
  Recorder(const engine::Partition& partition, Device& device, Means means);

  const engine::Partition& partition() const { return partition_; }
  const engine::Graph& graph() const { return *partition_.graph; }
  Device& device() const { return device_; }

  /// Where a value lies that is an input, a constant or computed before.
  Slot read(engine::ValueId value);
  /// The same for what a product reads: as f16, where the value is a constant that loses nothing by it.
  Slot read_factor(engine::ValueId value);
  /// Where the value is to be computed.
  Slot write(engine::ValueId value);
  Slot temporary(std::size_t bytes);
  /// `value` has the elements of `slot`.
  void alias(engine::ValueId value, Slot slot) { slots_of_[value] = slot; }
  /// Lays `slot`, which nothing writes to any more, into `whole` so many bytes from its begin. False where
  /// that cannot be: it is to be copied then.
  bool lay(Slot slot, Slot whole, std::size_t offset);
  /// Elements that are no value of the graph.
  Slot constant(const engine::Tensor& tensor);
  /// Something for a binding that is not used.
  Slot nothing() { return nothing_; }

  /// Calls are added for this node from now on, its results finished so.
  void begin(const engine::Node& node, Finish finish = {}) { node_ = &node, finish_ = finish; }
  const Finish& finish() const { return finish_; }
  /// What computes a product that this node is: in f16 where the model has it so, and the device does.
  Shader product() const;
  /// How a product of this plan is to be cut. Takes its time where nothing like it was measured yet.
  Tile tile(const Uncut& product);
  void add(Call call);
  /// Fills a slot with one word.
  void fill(Slot slot, float value);

  /// Gives every slot its place; returns the arena's bytes.
  std::size_t place();

  const std::vector<Call>& calls() const { return calls_; }
  const std::vector<SlotInfo>& slots() const { return slots_; }

 private:
  const engine::Partition& partition_;
  Device& device_;
  Means means_;
  std::vector<SlotInfo> slots_;
  std::map<engine::ValueId, Slot> slots_of_, halves_of_;
  std::vector<Call> calls_;
  const engine::Node* node_ = nullptr;
  Finish finish_;
  Slot nothing_;
};

/// Groups of `size` threads for so many elements, in rows where they are more than a row may have.
Groups groups_for(std::size_t elements, std::uint32_t size);

inline constexpr std::uint32_t kThreads = 256;

}  // namespace dormouse::drivers::vulkan
