#include "drivers/vulkan/program.h"

#include <algorithm>
#include <cstring>
#include <sstream>

#include "drivers/vulkan/emitting.h"
#include "drivers/vulkan/tuner.h"
#include "engine/interpreter.h"

namespace dormouse::drivers::vulkan {
namespace {

std::size_t aligned(std::size_t bytes) { return (bytes + 255) / 256 * 256; }

using engine::Partition;
using engine::ValueId;

Recorder::Means means(Constants& constants, Tuner& tuner) {
  return {.constant = [&](const engine::Tensor& tensor) { return constants.get(tensor); },
          .halves = [&](const engine::Tensor& tensor) { return constants.halves(tensor); },
          .tile = [&tuner, spent = std::chrono::nanoseconds(0)](
                      const Uncut& product) mutable { return tuner.choose(product, spent); }};
}

}  // namespace

std::shared_ptr<const Memory> Workspace::get() {
  if (!memory_ || memory_->bytes < wanted_) {
    memory_.reset();
    memory_ = std::make_shared<Memory>(device_.allocate(wanted_, Device::Use::device));
  }
  return memory_;
}

Staying::Staying(const Partition& partition) {
  for (const ValueId id : partition.outputs) {
    const engine::ValueInfo& output = partition.graph->value(id);
    const auto fits = [&](ValueId other) {
      const engine::ValueInfo& input = partition.graph->value(other);
      return input.dtype == output.dtype && input.shape == output.shape;
    };
    auto& offset = offsets.emplace_back();
    // A scalar is an answer, and no state.
    if (output.dtype != engine::DType::f32 || output.shape.rank() == 0 ||
        std::ranges::none_of(partition.inputs, fits))
      continue;
    offset = bytes;
    bytes += aligned(device_bytes(output.shape.elements()));
  }
}

Program::Program(const Partition& partition, Device& device, Constants& constants, Tuner& tuner,
                 Workspace& workspace, bool measure)
    : device_(device),
      workspace_(workspace),
      recorder_(partition, device, means(constants, tuner)),
      before_(device),
      after_(device) {
  emit_nodes(partition, recorder_);
  arena_bytes_ = recorder_.place();
  plan_transfers(partition);
  for (const Call& call : recorder_.calls())
    pipelines_.push_back(device.pipeline(call.shader, call.constants));
  workspace.reserve(arena_bytes_);
  if (measure && device.tells_time())
    stopwatch_ = std::make_unique<Stopwatch>(device, static_cast<std::uint32_t>(pipelines_.size() + 1));
}

std::vector<Program::Transfer> Program::transfers(const Partition& partition, std::span<const ValueId> ids) {
  std::vector<Transfer> result;
  std::size_t offset = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const engine::ValueInfo& value = partition.graph->value(ids[i]);
    const std::size_t bytes = device_bytes(value.shape.elements());
    result.push_back({i, recorder_.read(ids[i]), value.dtype, value.shape, bytes, offset});
    offset += aligned(bytes);
  }
  return result;
}

void Program::plan_transfers(const Partition& partition) {
  inputs_ = transfers(partition, partition.inputs);
  outputs_ = transfers(partition, partition.outputs);
  std::erase_if(inputs_,
                [&](const Transfer& transfer) { return recorder_.slots()[transfer.slot].last == 0; });
  const Staying staying(partition);
  for (Transfer& output : outputs_) {
    output.stays = staying.offsets[output.index].has_value();
    output.kept = staying.offsets[output.index].value_or(0);
  }
  kept_bytes_ = staying.bytes;
  residents_ = std::make_unique<Residents>(device_, kept_bytes_, Device::Use::download);
  find_direct();
}

/// A slot of its own, no part of another one and of no parts, which nothing writes to but what computes the
/// output.
void Program::find_direct() {
  std::vector<int> uses(recorder_.slots().size(), 0);
  for (std::size_t i = 0; i < uses.size(); ++i)
    if (const auto whole = recorder_.slots()[i].whole) ++uses[i], ++uses[*whole];
  for (const auto* const all : {&inputs_, &outputs_})
    for (const Transfer& transfer : *all) ++uses[transfer.slot];
  std::vector<bool> written(uses.size(), false);
  for (const Call& call : recorder_.calls())
    for (std::size_t i = call.first_written; i < call.slots.size(); ++i) written[call.slots[i]] = true;
  for (Transfer& input : inputs_) input.direct = uses[input.slot] == 1 && !written[input.slot];
  for (Transfer& output : outputs_)
    output.direct = output.stays && uses[output.slot] == 1 && written[output.slot];
}

VkDescriptorBufferInfo Program::where(Slot slot) const {
  const SlotInfo& info = recorder_.slots()[slot];
  if (info.constant) return {info.constant->memory->buffer.get(), info.constant->offset, info.bytes};
  return {arena_->buffer.get(), info.offset, info.bytes};
}

namespace {

/// What was read and written in the arena since the last barrier.
class Hazards {
 public:
  /// Whether a barrier has to come before this call.
  bool conflicts(const Call& call, const std::vector<SlotInfo>& slots) const {
    for (std::size_t i = 0; i < call.slots.size(); ++i) {
      const SlotInfo& slot = slots[call.slots[i]];
      if (slot.constant) continue;
      const bool writes = i >= call.first_written;
      const auto beside = [&](const Range& range) {
        return call.beside && writes && range.written && range.begin == slot.offset;
      };
      for (const Range& range : ranges_)
        if (!beside(range) && (writes || range.written) && slot.offset < range.end &&
            range.begin < slot.offset + slot.bytes)
          return true;
    }
    return false;
  }
  void clear() { ranges_.clear(); }
  void note(const Call& call, const std::vector<SlotInfo>& slots, Slot nothing) {
    for (std::size_t i = 0; i < call.slots.size(); ++i) {
      const SlotInfo& slot = slots[call.slots[i]];
      if (!slot.constant && call.slots[i] != nothing)
        ranges_.push_back({slot.offset, slot.offset + slot.bytes, i >= call.first_written});
    }
  }

 private:
  struct Range {
    std::size_t begin, end;
    bool written;
  };
  std::vector<Range> ranges_;
};

void barrier(const DeviceApi& api, VkCommandBuffer commands, VkPipelineStageFlags from, VkAccessFlags written,
             VkPipelineStageFlags to, VkAccessFlags read) {
  VkMemoryBarrier memory{};
  memory.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  memory.srcAccessMask = written;
  memory.dstAccessMask = read;
  api.barrier(commands, from, to, 0, 1, &memory, 0, nullptr, 0, nullptr);
}

constexpr VkAccessFlags kShader = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;

}  // namespace

void Program::record_calls(Recording& recording) {
  const DeviceApi& api = device_.api();
  const VkCommandBuffer commands = recording.compute.get();
  Hazards hazards;
  if (stopwatch_) {
    stopwatch_->reset(commands);
    stopwatch_->mark(commands, 0);
  }
  for (std::size_t i = 0; i < recorder_.calls().size(); ++i) {
    const Call& call = recorder_.calls()[i];
    // What is measured does not overlap.
    if (stopwatch_ || hazards.conflicts(call, recorder_.slots())) {
      barrier(api, commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_WRITE_BIT,
              VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, kShader);
      hazards.clear();
    }
    hazards.note(call, recorder_.slots(), recorder_.nothing());
    dispatch(api, commands, call, pipelines_[i], recording.descriptors.sets()[i]);
    if (stopwatch_) stopwatch_->mark(commands, static_cast<std::uint32_t>(i + 1));
  }
}

void Program::record_in(std::span<const Border> copies) {
  const DeviceApi& api = device_.api();
  before_.begin();
  for (const Border& copy : copies) {
    const VkDescriptorBufferInfo place = where(copy.slot);
    device_.copy(before_.get(), {copy.other, copy.offset}, {place.buffer, place.offset}, copy.bytes);
  }
  barrier(api, before_.get(), VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT,
          VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
          kShader | VK_ACCESS_TRANSFER_READ_BIT);
  before_.end();
}

void Program::record_out(std::span<const Border> copies) {
  const DeviceApi& api = device_.api();
  after_.begin();
  barrier(api, after_.get(), VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_WRITE_BIT,
          VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_READ_BIT);
  for (const Border& copy : copies) {
    const VkDescriptorBufferInfo place = where(copy.slot);
    device_.copy(after_.get(), {place.buffer, place.offset}, {copy.other, copy.offset}, copy.bytes);
  }
  // For the host, and for the next run, which reads and writes where this one wrote and read.
  barrier(api, after_.get(), VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
          VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
          VK_PIPELINE_STAGE_HOST_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT | VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
          VK_ACCESS_HOST_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT | kShader);
  after_.end();
}

void Program::prepare() {
  const auto arena = workspace_.get();
  if (arena_ == arena) return;
  recordings_.clear();
  borders_are_plain_ = false;
  const auto bytes = [](const std::vector<Transfer>& transfers) {
    return transfers.empty() ? 0 : transfers.back().offset + transfers.back().bytes;
  };
  if (!arena->mapped) {
    upload_ = device_.allocate(bytes(inputs_), Device::Use::upload);
    download_ = device_.allocate(bytes(outputs_), Device::Use::download);
  }
  arena_ = arena;
}

Program::Recording& Program::recording(std::vector<Moved> moved) {
  // Blocks take turns: two or three of them with the state, and up to four with batches that are sent ahead.
  constexpr std::size_t kMost = 12;
  const auto known = std::ranges::find(recordings_, moved, &Recording::moved);
  if (known != recordings_.end()) {
    recordings_.splice(recordings_.begin(), recordings_, known);
    return recordings_.front();
  }
  Recording fresh(device_, std::move(moved));
  fresh.descriptors = Descriptors(device_, recorder_.calls(), pipelines_, [&](Slot slot) {
    const auto elsewhere = std::ranges::find(fresh.moved, slot, &Moved::slot);
    if (elsewhere == fresh.moved.end()) return where(slot);
    const Place& place = elsewhere->place;
    return VkDescriptorBufferInfo{place.buffer, place.offset, recorder_.slots()[slot].bytes};
  });
  fresh.compute.begin();
  record_calls(fresh);
  fresh.compute.end();
  if (recordings_.size() == kMost) recordings_.pop_back();
  return recordings_.emplace_front(std::move(fresh));
}

std::byte* Program::host_address(const Transfer& transfer, const Memory& staging) const {
  const SlotInfo& slot = recorder_.slots()[transfer.slot];
  if (!arena_->mapped) return staging.mapped + transfer.offset;
  return slot.constant ? slot.constant->memory->mapped + slot.constant->offset : arena_->mapped + slot.offset;
}

void Program::send(const Transfer& transfer, const std::byte* from, std::vector<Border>& copies) {
  to_device(transfer.dtype, transfer.bytes / 4, from, host_address(transfer, upload_));
  if (!arena_->mapped)
    copies.push_back({transfer.slot, upload_.buffer.get(), transfer.offset, transfer.bytes});
}

void Program::ask_for(const Transfer& transfer, std::vector<Border>& copies) const {
  if (!arena_->mapped)
    copies.push_back({transfer.slot, download_.buffer.get(), transfer.offset, transfer.bytes});
}

void Program::receive(const Transfer& transfer, std::byte* to) const {
  from_device(transfer.dtype, transfer.bytes / 4, host_address(transfer, download_), to);
}

void Program::run(std::span<const engine::View> inputs, std::span<const engine::View> outputs) {
  prepare();
  std::vector<Border> in, out;
  for (const Transfer& transfer : inputs_) send(transfer, inputs[transfer.index].data, in);
  if (!borders_are_plain_) {
    for (const Transfer& transfer : outputs_) ask_for(transfer, out);
    record_in(in);
    record_out(out);
    borders_are_plain_ = true;
  }
  last_ = recording({}).compute.submit_between(before_, after_, {});
  device_.wait(last_);
  for (const Transfer& transfer : outputs_) receive(transfer, outputs[transfer.index].data);
}

Block::Remake Program::remaking(std::span<const engine::Tensor* const> inputs) {
  if (!alone_) {
    const Partition& whole = recorder_.partition();
    alone_ =
        std::make_shared<const engine::Graph>(engine::extract(*whole.graph, whole.inputs, whole.outputs));
  }
  std::vector<engine::Tensor> given;
  for (const engine::Tensor* const tensor : inputs) given.push_back(*tensor);
  std::vector<std::pair<std::size_t, std::size_t>> kept;  // outputs, and where they go
  for (const Transfer& transfer : outputs_)
    if (transfer.stays) kept.emplace_back(transfer.index, transfer.kept);
  return [graph = alone_, given = std::move(given), kept = std::move(kept)](std::byte* seen) {
    const std::vector<engine::Tensor> made = engine::interpret(*graph, given);
    for (const auto& [output, offset] : kept)
      std::memcpy(seen + offset, made[output].data(), made[output].byte_size());
  };
}

std::vector<engine::Tensor> Program::run_whole(std::span<const engine::Tensor* const> inputs) {
  prepare();
  borders_are_plain_ = false;
  std::vector<Border> in, out;
  std::vector<Moved> moved;
  std::vector<Moment> behind;
  std::vector<const Block*> read;
  for (const Transfer& transfer : inputs_) {
    const engine::Tensor& tensor = *inputs[transfer.index];
    if (const Resident* const there = resident_on(device_, tensor)) {
      const Block& block = *there->block();
      read.push_back(&block);
      behind.push_back(block.arrival());
      if (transfer.direct)
        moved.push_back({transfer.slot, block.number(), {block.device().buffer.get(), there->offset()}});
      else
        in.push_back({transfer.slot, block.device().buffer.get(), there->offset(), transfer.bytes});
    } else {
      send(transfer, tensor.data(), in);
    }
  }
  const std::shared_ptr<Block> left = kept_bytes_ > 0 ? residents_->take() : nullptr;
  if (left) left->wait();
  for (const Transfer& transfer : outputs_)
    if (transfer.direct)
      moved.push_back({transfer.slot, left->number(), {left->device().buffer.get(), transfer.kept}});
    else if (transfer.stays)
      out.push_back({transfer.slot, left->device().buffer.get(), transfer.kept, transfer.bytes});
    else
      ask_for(transfer, out);
  record_in(in);
  record_out(out);
  last_ = recording(std::move(moved)).compute.submit_between(before_, after_, behind);
  if (left && !left->device().mapped) left->fetch(last_, remaking(inputs));
  device_.wait(last_);
  // By now they have come, while this ran; a step need be made again from what is on the host alone.
  for (const Block* const block : read) block->settle();
  std::vector<engine::Tensor> made;
  for (const Transfer& transfer : outputs_) {
    if (transfer.stays) {
      made.emplace_back(transfer.dtype, transfer.shape,
                        std::make_shared<Resident>(left, transfer.kept, transfer.bytes), 0);
    } else {
      receive(transfer, made.emplace_back(transfer.dtype, transfer.shape).mutable_data());
    }
  }
  return made;
}

std::vector<engine::Program::Part> Program::parts() const {
  std::vector<Part> parts;
  if (!stopwatch_) return parts;
  const auto laps = stopwatch_->laps();
  for (std::size_t i = 0; i < laps.size(); ++i) {
    const Call& call = recorder_.calls()[i];
    std::ostringstream name;
    name << call.of << " (" << info(call.shader).name;
    for (const std::uint32_t groups : {call.groups.x, call.groups.y, call.groups.z}) name << ' ' << groups;
    name << ')';
    parts.push_back({name.str(), std::chrono::round<std::chrono::microseconds>(laps[i])});
  }
  return parts;
}

}  // namespace dormouse::drivers::vulkan
