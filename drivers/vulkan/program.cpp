#include "drivers/vulkan/program.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "drivers/vulkan/kernel.h"

namespace dormouse::drivers::vulkan {
namespace {

std::size_t aligned(std::size_t bytes) { return (bytes + 255) / 256 * 256; }

using engine::Node;
using engine::Partition;
using engine::ValueId;

/// Emits the nodes of a partition, element-wise ones that follow each other as one dispatch where they fit.
class Emitting {
 public:
  Emitting(const Partition& partition, Recorder& recorder) : partition_(partition), recorder_(recorder) {
    for (const std::size_t i : partition.nodes)
      for (const ValueId id : node(i).inputs)
        if (id != engine::kAbsent) ++readers_[id];
    for (const ValueId id : partition.outputs) ++readers_[id];
    find_finishes();
  }

  void all() {
    for (std::size_t i = 0; i < partition_.nodes.size();) {
      const Node& next = node(partition_.nodes[i]);
      const Kernel& kernel = *find_kernel(*next.op);
      const auto finished = finished_.find(partition_.nodes[i]);
      recorder_.begin(next, finished == finished_.end() ? Finish{} : finished->second.first);
      if (finishers_.contains(partition_.nodes[i])) {
        ++i;  // done with what it finishes
      } else if (finished != finished_.end()) {
        kernel.emit(recorder_, next);
        recorder_.alias(finished->second.second, recorder_.read(next.outputs[0]));
        ++i;
      } else if (kernel.express) {
        i += chain(i);
      } else {
        kernel.emit(recorder_, next);
        ++i;
      }
    }
  }

 private:
  const Node& node(std::size_t i) const { return partition_.graph->nodes()[i]; }

  /// Activations that are the only reader of what a product gives.
  void find_finishes() {
    std::unordered_map<ValueId, std::size_t> made;  // by nodes that finish
    for (const std::size_t i : partition_.nodes) {
      const Node& next = node(i);
      if (find_kernel(*next.op)->finishes && readers_[next.outputs[0]] == 1) made[next.outputs[0]] = i;
      const auto product = next.inputs.empty() ? made.end() : made.find(next.inputs[0]);
      if (product == made.end()) continue;
      const auto finish = finish_of(*partition_.graph, next);
      if (!finish || partition_.graph->value(next.outputs[0]).dtype != engine::DType::f32) continue;
      finished_[product->second] = {*finish, next.outputs[0]};
      finishers_.insert(i);
    }
  }

  /// Emits element-wise nodes from `first` on, as many as fit; returns how many.
  std::size_t chain(std::size_t first) {
    constexpr std::size_t kMost = 24;
    const engine::Graph& graph = *partition_.graph;
    const engine::Shape& shape = graph.value(node(partition_.nodes[first]).outputs[0]).shape;
    Expression whole(graph, shape), best(graph, shape);
    std::unordered_map<ValueId, std::size_t> inside, best_inside;
    std::size_t count = 0;
    for (std::size_t n = 0; n < kMost && first + n < partition_.nodes.size(); ++n) {
      const Node& next = node(partition_.nodes[first + n]);
      if (finishers_.contains(partition_.nodes[first + n])) continue;
      const Kernel* const kernel = find_kernel(*next.op);
      if (!kernel->express || graph.value(next.outputs[0]).shape != shape) break;
      kernel->express(whole, graph, next);
      for (const ValueId id : next.inputs)
        if (id != engine::kAbsent) ++inside[id];
      if (n > 0 && !whole.fits([&](ValueId id) { return readers_[id] > inside[id]; })) continue;
      best = whole;
      best_inside = inside;
      count = n + 1;
    }
    best.emit(recorder_, [&](ValueId id) { return readers_[id] > best_inside[id]; });
    return count;
  }

  const Partition& partition_;
  Recorder& recorder_;
  std::unordered_map<ValueId, std::size_t> readers_;
  std::unordered_map<std::size_t, std::pair<Finish, ValueId>> finished_;  ///< and what it is then, by node
  std::unordered_set<std::size_t> finishers_;
};

}  // namespace

std::shared_ptr<const Memory> Workspace::get() {
  if (!memory_ || memory_->bytes < wanted_) {
    memory_.reset();
    memory_ = std::make_shared<Memory>(device_.allocate(wanted_, Device::Use::device));
  }
  return memory_;
}

Program::Program(const Partition& partition, Device& device, Constants& constants, Tuner& tuner,
                 Workspace& workspace, bool measure)
    : device_(device),
      workspace_(workspace),
      recorder_(partition, device, constants, tuner),
      before_(device),
      compute_(device),
      after_(device) {
  Emitting(partition, recorder_).all();
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
  for (Transfer& output : outputs_) {
    const auto fits = [&](const Transfer& input) {
      return input.dtype == output.dtype && input.shape == output.shape;
    };
    // A scalar is an answer, and no state.
    output.stays =
        output.dtype == engine::DType::f32 && output.shape.rank() > 0 && std::ranges::any_of(inputs_, fits);
    if (!output.stays) continue;
    output.kept = kept_bytes_;
    kept_bytes_ += aligned(output.bytes);
  }
  residents_ = std::make_unique<Residents>(device_, kept_bytes_);
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

void Program::record_calls() {
  const DeviceApi& api = device_.api();
  Hazards hazards;
  if (stopwatch_) {
    stopwatch_->reset(compute_.get());
    stopwatch_->mark(compute_.get(), 0);
  }
  for (std::size_t i = 0; i < recorder_.calls().size(); ++i) {
    const Call& call = recorder_.calls()[i];
    // What is measured does not overlap.
    if (stopwatch_ || hazards.conflicts(call, recorder_.slots())) {
      barrier(api, compute_.get(), VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_WRITE_BIT,
              VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, kShader);
      hazards.clear();
    }
    hazards.note(call, recorder_.slots(), recorder_.nothing());
    dispatch(api, compute_.get(), call, pipelines_[i], descriptors_.sets()[i]);
    if (stopwatch_) stopwatch_->mark(compute_.get(), static_cast<std::uint32_t>(i + 1));
  }
}

void Program::record_in(std::span<const Border> copies) {
  const DeviceApi& api = device_.api();
  before_.begin();
  for (const Border& copy : copies) {
    const VkDescriptorBufferInfo place = where(copy.slot);
    const VkBufferCopy region{copy.offset, place.offset, copy.bytes};
    api.copy(before_.get(), copy.other, place.buffer, 1, &region);
  }
  barrier(api, before_.get(), VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT,
          VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
          kShader | VK_ACCESS_TRANSFER_READ_BIT);
  before_.end();
}

void Program::record_out(std::span<const Border> copies, const Block* left) {
  const DeviceApi& api = device_.api();
  after_.begin();
  barrier(api, after_.get(), VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_WRITE_BIT,
          VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_READ_BIT);
  for (const Border& copy : copies) {
    const VkDescriptorBufferInfo place = where(copy.slot);
    const VkBufferCopy region{place.offset, copy.offset, copy.bytes};
    api.copy(after_.get(), place.buffer, copy.other, 1, &region);
  }
  if (left && !left->device.mapped) {
    barrier(api, after_.get(), VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT,
            VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_READ_BIT);
    const VkBufferCopy all{0, 0, kept_bytes_};
    api.copy(after_.get(), left->device.buffer.get(), left->host.buffer.get(), 1, &all);
  }
  // For the host, and for the next run, which reads and writes where this one wrote and read.
  barrier(api, after_.get(), VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
          VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
          VK_PIPELINE_STAGE_HOST_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
          VK_ACCESS_HOST_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT);
  after_.end();
}

void Program::prepare() {
  const auto arena = workspace_.get();
  if (recorded_ && arena_ == arena) return;
  recorded_ = borders_are_plain_ = false;
  arena_ = arena;
  const auto bytes = [](const std::vector<Transfer>& transfers) {
    return transfers.empty() ? 0 : transfers.back().offset + transfers.back().bytes;
  };
  if (!arena_->mapped) {
    upload_ = device_.allocate(bytes(inputs_), Device::Use::upload);
    download_ = device_.allocate(bytes(outputs_), Device::Use::download);
  }
  descriptors_ =
      Descriptors(device_, recorder_.calls(), pipelines_, [this](Slot slot) { return where(slot); });
  compute_.begin();
  record_calls();
  compute_.end();
  recorded_ = true;
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
    record_out(out, nullptr);
    borders_are_plain_ = true;
  }
  compute_.run_between(before_, after_);
  for (const Transfer& transfer : outputs_) receive(transfer, outputs[transfer.index].data);
}

std::vector<engine::Tensor> Program::run_whole(std::span<const engine::Tensor* const> inputs) {
  prepare();
  borders_are_plain_ = false;
  std::vector<Border> in, out;
  for (const Transfer& transfer : inputs_) {
    const engine::Tensor& tensor = *inputs[transfer.index];
    if (const Resident* const there = resident_on(device_, tensor))
      in.push_back({transfer.slot, there->block()->device.buffer.get(), there->offset(), transfer.bytes});
    else
      send(transfer, tensor.data(), in);
  }
  const std::shared_ptr<const Block> left = kept_bytes_ > 0 ? residents_->take() : nullptr;
  for (const Transfer& transfer : outputs_)
    if (transfer.stays)
      out.push_back({transfer.slot, left->device.buffer.get(), transfer.kept, transfer.bytes});
    else
      ask_for(transfer, out);
  record_in(in);
  record_out(out, left.get());
  compute_.run_between(before_, after_);
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
    std::string name(call.of);
    name += std::string(" (") + info(call.shader).name;
    for (const std::uint32_t groups : {call.groups.x, call.groups.y, call.groups.z})
      name += " " + std::to_string(groups);
    parts.push_back({name + ")", std::chrono::round<std::chrono::microseconds>(laps[i])});
  }
  return parts;
}

}  // namespace dormouse::drivers::vulkan
