#include "drivers/xnnpack/program.h"

#include <xnnpack.h>

#include <string>
#include <utility>

#include "drivers/xnnpack/halves.h"
#include "drivers/xnnpack/kernel.h"
#include "drivers/xnnpack/quantized_groups.h"
#include "engine/cost.h"

namespace dormouse::drivers::xnnpack {
namespace {

/// u8 to i8, 128 less; and back.
void shift(std::span<const std::byte> from, std::byte* to) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = from[i] ^ std::byte{0x80};
}

std::span<std::byte> bytes_of(const engine::View& view) {
  return {view.data, static_cast<std::size_t>(view.elements())};
}

/// Asks how much there is to be told of the last run, and then for that.
template <class T>
std::vector<T> profile(xnn_runtime* runtime, xnn_profile_info what) {
  std::size_t bytes = 0;
  xnn_get_runtime_profiling_info(runtime, what, 0, nullptr, &bytes);
  std::vector<T> told(bytes / sizeof(T));
  check(xnn_get_runtime_profiling_info(runtime, what, bytes, told.data(), &bytes),
        "the times of its operators");
  return told;
}

/// Below so much work a thread is not woken up: it would come when all is done.
constexpr std::int64_t kWorthSharing = 1'000'000;  // multiplications, or bytes

bool worth_sharing(const engine::Partition& partition) {
  const engine::Cost cost = engine::cost_of(partition);
  return cost.macs + cost.bytes >= kWorthSharing;
}

}  // namespace

Workspace::Workspace() { check(xnn_create_workspace(&workspace_), "a workspace"); }

Workspace::~Workspace() { xnn_release_workspace(workspace_); }

Program::Program(const engine::Partition& partition, PackedWeights& weights, Threads threads,
                 Workspace& workspace, bool measure, bool halves)
    : weights_(weights), measures_(measure) {
  const std::uint32_t flags =
      (threads.spin ? 0u : XNN_FLAG_YIELD_WORKERS) | (measure ? XNN_FLAG_BASIC_PROFILING : 0u);
  const bool made =
      halves && is_of_halves(partition) &&
      make(partition, threads, workspace, flags | XNN_FLAG_FORCE_FP16_INFERENCE) == xnn_status_success;
  if (!made)
    check(make(partition, threads, workspace, flags),
          "a graph of " + std::to_string(partition.nodes.size()) + " nodes");
  weights_.release_sources();
  if (const xnn_status status = xnn_reshape_runtime(runtime_); status != xnn_status_success) {
    xnn_delete_runtime(runtime_);
    check(status, "the shapes of a graph");
  }
  for (const External& external : externals_) {
    const bool copied = external.unsigned8 && !external.output;
    signed_inputs_.push_back(
        copied ? engine::Tensor(engine::DType::i8,
                                partition.graph->value(partition.inputs[external.index]).shape)
               : engine::Tensor(engine::DType::i8, {0}));
  }
}

int Program::make(const engine::Partition& partition, Threads threads, Workspace& workspace,
                  std::uint32_t flags) {
  Builder builder(partition, weights_, (flags & XNN_FLAG_FORCE_FP16_INFERENCE) != 0);
  const std::vector<engine::Node> nodes = quantized_nodes(partition);
  builder.expect(nodes);
  for (const engine::Node& node : nodes) {
    if (builder.is_done(node.outputs[0])) continue;
    weights_.begin(node);
    find_kernel(*node.op)->emit(builder, node);
  }
  builder.finish();
  externals_ = builder.externals();
  operands_ = builder.take_operands();
  return xnn_create_runtime_v4(builder.subgraph(), weights_.provider(), workspace.get(),
                               worth_sharing(partition) ? threads.pool : nullptr, flags, &runtime_);
}

Program::~Program() { xnn_delete_runtime(runtime_); }

std::size_t Program::own_bytes() const {
  std::size_t bytes = 0;
  for (const engine::Tensor& operand : operands_)
    if (operand.buffer().use_count() == 1) bytes += operand.buffer()->size();  // else it is the graph's
  for (const engine::Tensor& input : signed_inputs_) bytes += input.byte_size();
  return bytes;
}

void Program::point_at(std::span<const engine::View> inputs, std::span<const engine::View> outputs) {
  bool moved = addresses_.empty();
  addresses_.resize(externals_.size());
  for (std::size_t i = 0; i < externals_.size(); ++i) {
    const External& external = externals_[i];
    const bool copied = signed_inputs_[i].elements() > 0;
    std::byte* const address =
        copied ? signed_inputs_[i].mutable_data() : (external.output ? outputs : inputs)[external.index].data;
    moved |= std::exchange(addresses_[i], address) != address;
  }
  if (!moved) return;
  std::vector<xnn_external_value> values;
  for (std::size_t i = 0; i < externals_.size(); ++i) values.push_back({externals_[i].id, addresses_[i]});
  const xnn_status status = xnn_setup_runtime_v2(runtime_, values.size(), values.data());
  if (status != xnn_status_success) addresses_.clear();
  check(status, "its inputs and outputs");
}

void Program::make_signed(std::span<const engine::View> inputs) {
  for (std::size_t i = 0; i < externals_.size(); ++i)
    if (signed_inputs_[i].elements() > 0)
      shift(bytes_of(inputs[externals_[i].index]), signed_inputs_[i].mutable_data());
}

void Program::run(std::span<const engine::View> inputs, std::span<const engine::View> outputs) {
  point_at(inputs, outputs);
  make_signed(inputs);
  if (const xnn_status status = xnn_invoke_runtime(runtime_); status != xnn_status_success)
    throw Failure(Errc::unavailable, "XNNPACK failed at run time (status " + std::to_string(status) + ")");
  for (const External& external : externals_)
    if (external.output && external.unsigned8)
      shift(bytes_of(outputs[external.index]), outputs[external.index].data);
}

std::vector<engine::Program::Part> Program::parts() const {
  if (!measures_) return {};
  const auto times = profile<std::uint64_t>(runtime_, xnn_profile_info_operator_timing);
  const auto names = profile<char>(runtime_, xnn_profile_info_operator_name);  // each ends in a null
  std::vector<Part> parts;
  const char* name = names.data();
  for (const std::uint64_t time : times) {
    parts.push_back({name, std::chrono::microseconds(time)});
    name += parts.back().name.size() + 1;
  }
  return parts;
}

}  // namespace dormouse::drivers::xnnpack
