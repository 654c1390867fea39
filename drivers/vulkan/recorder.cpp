#include "drivers/vulkan/recorder.h"

#include <algorithm>

#include "drivers/vulkan/product.h"
#include "engine/halves.h"
#include "engine/op.h"

namespace dormouse::drivers::vulkan {

using engine::ValueId;

Recorder::Recorder(const engine::Partition& partition, Device& device, Means means)
    : partition_(partition), device_(device), means_(std::move(means)), nothing_(temporary(16)) {
  for (const ValueId id : partition.inputs) write(id);
}

Slot Recorder::read(ValueId value) {
  if (const auto found = slots_of_.find(value); found != slots_of_.end()) return found->second;
  const auto& constant = graph().value(value).constant;
  ensure(constant.has_value(), "a value is computed before it is read");
  return slots_of_[value] = this->constant(*constant);
}

Slot Recorder::read_factor(ValueId value) {
  constexpr std::int64_t kWorthIt = 1024;
  if (const auto found = halves_of_.find(value); found != halves_of_.end()) return found->second;
  const auto& tensor = graph().value(value).constant;
  if (!tensor || tensor->dtype() != engine::DType::f32 || tensor->elements() < kWorthIt ||
      slots_of_.contains(value) || !device_.stores_halves())
    return read(value);
  auto halves = means_.halves(*tensor);
  if (!halves) return read(value);
  slots_.push_back({.bytes = halves->bytes, .constant = halves, .halves = true});
  return halves_of_[value] = static_cast<Slot>(slots_.size() - 1);
}

Slot Recorder::constant(const engine::Tensor& tensor) {
  slots_.push_back({device_bytes(tensor.elements()), means_.constant(tensor)});
  return static_cast<Slot>(slots_.size() - 1);
}

Slot Recorder::write(ValueId value) {
  return slots_of_[value] = temporary(device_bytes(graph().value(value).shape.elements()));
}

Slot Recorder::temporary(std::size_t bytes) {
  slots_.push_back({.bytes = bytes, .constant = nullptr});
  return static_cast<Slot>(slots_.size() - 1);
}

bool Recorder::lay(Slot slot, Slot whole, std::size_t offset) {
  SlotInfo& part = slots_[slot];
  const bool given =
      std::ranges::any_of(partition_.inputs, [&](ValueId id) { return slots_of_.at(id) == slot; });
  if (given || part.constant || part.whole || slot == nothing_ || offset + part.bytes > slots_[whole].bytes ||
      offset % device_.limits().minStorageBufferOffsetAlignment != 0)
    return false;
  part.whole = whole;
  part.within = offset;
  return true;
}

Shader Recorder::product() const {
  if (!node_ || !engine::is_of_halves(*node_)) return Shader::product;
  switch (device_.multiplies_halves()) {
    case Halves::lanes:
      return Shader::product_halves;
    case Halves::matrices:
      return Shader::product_matrices;
    case Halves::none:
      break;
  }
  return Shader::product;
}

Tile Recorder::tile(const Uncut& product) { return means_.tile(product); }

void Recorder::add(Call call) {
  if (call.groups.x > 65535 || call.groups.y > 65535 || call.groups.z > 65535)
    throw Failure(Errc::too_large, "Vulkan: a dispatch is too large");
  if (node_) call.of = node_->op->name;
  calls_.push_back(std::move(call));
}

void Recorder::fill(Slot slot, float value) {
  const auto elements = static_cast<std::uint32_t>(slots_[slot].bytes / 4);
  Call call{.shader = Shader::elementwise1,
            .constants = {kThreads, 0, 0, 18, 1, 1, 6 << 8},  // the first step copies the first number
            .slots = std::vector<Slot>(9, nothing_),
            .first_written = 6,
            .groups = groups_for(elements, kThreads)};
  call.constants.resize(30);
  call.slots[6] = slot;
  call.push.add(elements).add(value);
  add(std::move(call));
}

std::size_t Recorder::place() {
  const std::size_t end = calls_.size() + 1;
  for (const ValueId id : partition_.inputs) slots_[slots_of_.at(id)].first = 0;
  std::vector<bool> seen(slots_.size(), false);
  for (const ValueId id : partition_.inputs) seen[slots_of_.at(id)] = true;
  for (std::size_t i = 0; i < calls_.size(); ++i)
    for (const Slot slot : calls_[i].slots) {
      if (!seen[slot]) slots_[slot].first = i + 1;
      seen[slot] = true;
      slots_[slot].last = i + 1;
    }
  for (const ValueId id : partition_.outputs) slots_[read(id)].last = end;
  slots_[nothing_].first = 0;
  slots_[nothing_].last = end;
  for (const SlotInfo& part : slots_)
    for (const SlotInfo* slot = &part; slot->whole; slot = &slots_[*slot->whole]) {
      SlotInfo& whole = slots_[*slot->whole];
      whole.first = std::min(whole.first, part.first);
      whole.last = std::max(whole.last, part.last);
    }
  const std::size_t alignment = std::max<std::size_t>(device_.limits().minStorageBufferOffsetAlignment, 64);
  const auto aligned = [&](std::size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; };
  std::vector<SlotInfo*> order;
  for (SlotInfo& slot : slots_)
    if (!slot.constant && slot.last > 0 && !slot.whole) order.push_back(&slot);
  std::ranges::stable_sort(order, std::greater{}, &SlotInfo::bytes);
  std::vector<const SlotInfo*> placed;  // by offset
  std::size_t total = 0;
  for (SlotInfo* slot : order) {
    std::size_t offset = 0;
    for (const SlotInfo* other : placed) {
      if (other->first > slot->last || slot->first > other->last) continue;
      if (offset + aligned(slot->bytes) <= other->offset) break;
      offset = std::max(offset, other->offset + aligned(other->bytes));
    }
    slot->offset = offset;
    total = std::max(total, offset + aligned(slot->bytes));
    placed.insert(
        std::ranges::upper_bound(placed, offset, {}, [](const SlotInfo* other) { return other->offset; }),
        slot);
  }
  for (SlotInfo& part : slots_) {
    if (!part.whole) continue;
    part.offset = 0;
    const SlotInfo* slot = &part;
    for (; slot->whole; slot = &slots_[*slot->whole]) part.offset += slot->within;
    part.offset += slot->offset;
  }
  return total;
}

Groups groups_for(std::size_t elements, std::uint32_t size) {
  const auto groups = static_cast<std::uint32_t>((elements + size - 1) / size);
  constexpr std::uint32_t kRow = 32768;
  return groups <= kRow ? Groups{groups, 1, 1} : Groups{kRow, (groups + kRow - 1) / kRow, 1};
}

}  // namespace dormouse::drivers::vulkan
