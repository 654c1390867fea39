#include "drivers/measured.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <random>
#include <unordered_map>

#include "config/log.h"
#include "drivers/digest.h"
#include "engine/cost.h"
#include "engine/op.h"
#include "engine/session.h"

namespace dormouse::drivers {
namespace {

using engine::DType;
using engine::Graph;
using engine::Partition;
using engine::Session;
using engine::Tensor;
using engine::ValueId;
using engine::ValueInfo;
using Clock = std::chrono::steady_clock;
using Microseconds = std::chrono::duration<double, std::micro>;

/// Of a core, some twenty multiply-adds or bytes a nanosecond: less than this is done before a GPU has begun.
constexpr std::int64_t kTooLittle = 20 * 20'000;
constexpr std::size_t kPairs = 15;
constexpr auto kPatience = std::chrono::milliseconds(300);
/// Of the sum of an output's absolute values, by which two drivers may differ at random numbers.
constexpr double kTolerance = 0.02;
constexpr std::uint64_t kSeed = 1;

/// Extents of constants are those of the model; others are rounded up to powers of two.
void add_value(Digester& digest, const ValueInfo& value) {
  digest.add(static_cast<std::uint64_t>(value.dtype) << 1 | (value.constant ? 1 : 0));
  for (const std::int64_t extent : value.shape) {
    const auto number = static_cast<std::uint64_t>(extent);
    digest.add(value.constant ? number : std::bit_ceil(number));
  }
}

/// What tells a partition from others that take another time.
std::string key_of(const Partition& partition, bool step, const std::string& prefix) {
  Digester digest(Digester::kOpen);
  digest.add(std::string_view(prefix));
  if (step) digest.add(std::string_view("step"));
  std::unordered_map<ValueId, std::uint64_t> numbers;  // ids differ from one copy of a graph to the next
  const auto add = [&](ValueId id) {
    if (id == engine::kAbsent) return digest.add(std::uint64_t{0});
    const auto [entry, fresh] = numbers.try_emplace(id, numbers.size() + 1);
    digest.add(entry->second);
    if (fresh) add_value(digest, partition.graph->value(id));
  };
  for (const std::size_t i : partition.nodes) {
    const engine::Node& node = partition.graph->nodes()[i];
    digest.add(node.op->domain);
    digest.add(node.op->name);
    for (const auto& [name, attribute] : node.attributes.entries()) {
      digest.add(std::string_view(name));
      drivers::add(digest, attribute);
    }
    for (const ValueId id : node.inputs) add(id);
    for (const ValueId id : node.outputs) add(id);
  }
  for (const ValueId id : partition.outputs) add(id);
  return digest.finish().hex();
}

/// "12 operators: Conv, Relu … Gemm".
std::string description(const Partition& partition) {
  constexpr std::size_t kShown = 3;
  const auto name = [&](std::size_t i) {
    return std::string(partition.graph->nodes()[partition.nodes[i]].op->name);
  };
  const std::size_t count = partition.nodes.size();
  std::string text = name(0);
  for (std::size_t i = 1; i < std::min(kShown, count); ++i) text += ", " + name(i);
  if (count > kShown) text += " … " + name(count - 1);
  return std::to_string(count) + (count == 1 ? " operator: " : " operators: ") + text;
}

/// Positive numbers, which logarithms and roots take; zeros for indices.
std::vector<Tensor> drawn(const Graph& graph) {
  std::mt19937_64 random(kSeed);
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    const ValueInfo& value = graph.value(id);
    Tensor& tensor = inputs.emplace_back(value.dtype, value.shape);
    if (value.dtype != DType::f32 && value.dtype != DType::f16) continue;
    Tensor numbers(DType::f32, value.shape);
    for (float& x : numbers.mutable_values<float>())
      x = 0.01f + 0.5f * static_cast<float>(random() >> 40) * 0x1p-24f;
    tensor = numbers.as(value.dtype);
  }
  return inputs;
}

bool agree(const Tensor& gpu, const Tensor& cpu) {
  if (cpu.dtype() == DType::f16) return agree(gpu.as(DType::f32), cpu.as(DType::f32));
  if (cpu.dtype() != DType::f32) return true;  // one that is close to another may round to either side
  const auto a = gpu.values<float>(), b = cpu.values<float>();
  double sum = 0, difference = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (!std::isfinite(b[i])) continue;
    sum += std::abs(double{b[i]});
    difference += std::abs(double{a[i]} - b[i]);
  }
  return difference <= kTolerance * sum + 1e-6;
}

double run_us(const Session& session, std::span<const Tensor> inputs) {
  const Clock::time_point begin = Clock::now();
  session.run(inputs);
  return Microseconds(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + std::ssize(values) / 2);
  return values[values.size() / 2];
}

constexpr std::size_t kCarried = SIZE_MAX;

}  // namespace

/// What a partition is to who measures it.
struct MeasuredDriver::Work {
  explicit Work(const Partition& partition);

  bool step;  ///< a whole one of training, which is given again what it gives
  /// By input, the output that becomes it in the next step, being of its type and shape: parameters and what
  /// an optimiser keeps of them. Others are kCarried.
  std::vector<std::size_t> becomes;
  std::size_t carried = 0;  ///< bytes, to and fro
};

MeasuredDriver::Work::Work(const Partition& partition)
    : step(engine::is_training_step(partition)), becomes(partition.inputs.size(), kCarried) {
  const auto value = [&](ValueId id) -> const ValueInfo& { return partition.graph->value(id); };
  const auto bytes = [&](ValueId id) {
    return static_cast<std::size_t>(value(id).shape.elements()) * engine::size_of(value(id).dtype);
  };
  for (const ValueId id : partition.inputs) carried += bytes(id);
  for (const ValueId id : partition.outputs) carried += bytes(id);
  if (!step) return;
  std::vector<bool> given(partition.outputs.size(), false);
  for (std::size_t i = 0; i < becomes.size(); ++i) {
    const ValueInfo& in = value(partition.inputs[i]);
    for (std::size_t k = 0; k < given.size() && becomes[i] == kCarried && in.shape.rank() > 0; ++k) {
      const ValueInfo& out = value(partition.outputs[k]);
      if (given[k] || out.dtype != in.dtype || out.shape != in.shape) continue;
      given[k] = true;
      becomes[i] = k;
      carried -= 2 * bytes(partition.inputs[i]);
    }
  }
}

MeasuredDriver::MeasuredDriver(const WatchedDriver& gpu, std::span<const engine::Driver* const> cpu,
                               std::size_t threads, Measurements& measurements)
    : gpu_(gpu),
      cpu_(cpu.begin(), cpu.end()),
      measurements_(measurements),
      prefix_(gpu.identity() + " beside " + std::to_string(threads)) {
  for (const engine::Driver* const driver : cpu_) prefix_ += " " + std::string(driver->name());
}

std::vector<MeasuredDriver::Verdict> MeasuredDriver::verdicts() const {
  const std::lock_guard lock(mutex_);
  std::vector<Verdict> all;
  for (const auto& [key, verdict] : verdicts_) all.push_back(verdict);
  return all;
}

bool MeasuredDriver::supports(const Graph& graph, const engine::Node& node) const {
  return gpu_.supports(graph, node);
}

bool MeasuredDriver::worthwhile(const Partition& partition) const {
  if (!gpu_.worthwhile(partition)) return false;
  const engine::Cost cost = engine::cost_of(partition);
  if (std::max(cost.macs, cost.bytes) < kTooLittle) return false;
  const Work work(partition);
  const std::string key = key_of(partition, work.step, prefix_);
  const std::lock_guard one_at_a_time(measuring_);
  std::optional<Measurement> known = measurements_.find(key);
  if (const auto early = early_.find(key); !known && early != early_.end()) {
    if (!early->second.pays()) tune(partition);
    if (!gpu_.tuned(partition)) known = early->second;
  }
  if (!known) {
    measurements_.begin(key);
    known = measure(partition, work);
    early_.erase(key);
    if (known && gpu_.tuned(partition)) {
      measurements_.end(key, *known);
    } else {
      measurements_.abandon(key);
      if (known) early_[key] = *known;
    }
  }
  if (!known) return false;
  const std::lock_guard lock(mutex_);
  verdicts_.insert_or_assign(key, Verdict{description(partition), *known, work.carried});
  return known->pays();
}

std::unique_ptr<engine::Program> MeasuredDriver::compile(const Partition& partition,
                                                         engine::Workspace& workspace, bool measure) const {
  return gpu_.compile(partition, workspace, measure);
}

engine::ProgramMemory MeasuredDriver::foresee(const Partition& partition) const {
  return gpu_.foresee(partition);
}

/// Goes on with what only who compiles for the GPU does: plans that leave it out would never find out that it
/// has become faster.
void MeasuredDriver::tune(const Partition& partition) const try {
  gpu_.compile(partition, *gpu_.open_workspace(), false);
} catch (const Failure& failure) {
  log(Level::debug, "vulkan: not tuned: " + failure.error().context);
}

/// Nothing when one of them cannot.
std::optional<Measurement> MeasuredDriver::measure(const Partition& partition, const Work& work) const try {
  const Graph alone = engine::extract(*partition.graph, partition.inputs, partition.outputs);
  std::vector<const engine::Driver*> with{&gpu_};
  with.insert(with.end(), cpu_.begin(), cpu_.end());
  const Session gpu(alone, with, {.optimise = false, .feeds_back = work.step}),
      cpu(alone, cpu_, {.optimise = false});
  const std::vector<Tensor> inputs = drawn(alone);
  const std::vector<Tensor> left = gpu.run(inputs), right = cpu.run(inputs);
  const auto placed = gpu.placement(inputs);
  if (std::ranges::find(placed, gpu_.name(), &std::pair<std::string, std::size_t>::first) == placed.end())
    return std::nullopt;  // it has failed, and the session said so
  Measurement result;
  result.agree = std::ranges::equal(left, right, agree);
  std::vector<Tensor> fed = inputs;  // what stays on the device lies there
  for (std::size_t i = 0; i < fed.size(); ++i)
    if (work.becomes[i] != kCarried) fed[i] = left[work.becomes[i]];
  std::vector<double> gpu_us, cpu_us;
  const Clock::time_point begin = Clock::now();
  do {  // by turns: what else the machine does then hinders both
    gpu_us.push_back(run_us(gpu, fed));
    cpu_us.push_back(run_us(cpu, inputs));
  } while (gpu_us.size() < kPairs && Clock::now() - begin < kPatience);
  result.gpu_us = median(std::move(gpu_us));
  result.cpu_us = median(std::move(cpu_us));
  if (!result.agree)
    log(Level::warning, "vulkan: " + gpu_.device() + " computes " + description(partition) +
                            " otherwise than the CPU, which does it instead");
  return result;
} catch (const Failure& failure) {
  log(Level::debug, "vulkan: not measured: " + failure.error().context);
  return std::nullopt;
}

}  // namespace dormouse::drivers
