#include "drivers/xnnpack/driver.h"

#include <xnnpack.h>

#include <algorithm>

#include "drivers/xnnpack/kernel.h"
#include "drivers/xnnpack/packed_weights.h"
#include "drivers/xnnpack/pool.h"
#include "drivers/xnnpack/program.h"
#include "drivers/xnnpack/rehearsal.h"

namespace dormouse::drivers::xnnpack {
namespace {

/// Known, of a rank XNNPACK has, with elements.
bool has_extents(const engine::ValueInfo& value) {
  return value.shape_known && value.shape.is_static() && value.shape.rank() <= XNN_MAX_TENSOR_DIMS &&
         std::ranges::all_of(value.shape, [](std::int64_t extent) { return extent > 0; });
}

/// Of f32, or of 8 bits where `kernel` takes those and their meaning is known.
bool computable(const Kernel& kernel, const engine::Graph& graph, engine::ValueId id) {
  const engine::ValueInfo& value = graph.value(id);
  if (!has_extents(value)) return false;
  if (value.dtype == engine::DType::f32) return true;
  const bool takes = kernel.eight_bit == EightBit::moved || kernel.eight_bit == EightBit::computed;
  return takes && is_quantized8(value.dtype) && quantization_of(graph, id);
}

/// Other constants (axes, shapes) are the kernel's to judge; 8-bit ones it would take for f32.
bool known(const Kernel& kernel, const engine::ValueInfo& value) {
  return value.constant && !(kernel.eight_bit == EightBit::moved && is_quantized8(value.dtype));
}

}  // namespace

bool works_here() {
  static const bool works = xnn_initialize(&allocator()) == xnn_status_success;
  return works;
}

XnnpackDriver::XnnpackDriver(Options options)
    : options_(options), weights_(std::make_unique<PackedWeights>(options.packed)) {
  if (!works_here()) throw Failure(Errc::unsupported, "XNNPACK does not run on this CPU");
  if (options.threads > 1) pool_ = std::make_unique<Pool>(options.threads, options.spin);
}

XnnpackDriver::~XnnpackDriver() = default;

const engine::Parallel* XnnpackDriver::lent() const { return pool_.get(); }

bool XnnpackDriver::supports(const engine::Graph& graph, const engine::Node& node) const {
  const Kernel* kernel = find_kernel(*node.op);
  if (!kernel) return false;
  const bool operands = std::ranges::all_of(node.inputs, [&](engine::ValueId id) {
    return id == engine::kAbsent || known(*kernel, graph.value(id)) || computable(*kernel, graph, id);
  });
  const bool runs = std::ranges::any_of(
      node.inputs, [&](engine::ValueId id) { return id != engine::kAbsent && !graph.value(id).constant; });
  const bool outputs =
      std::ranges::all_of(node.outputs, [&](engine::ValueId id) { return computable(*kernel, graph, id); });
  return operands && runs && outputs && (kernel->splits || node.outputs.size() == 1) &&
         consistent(graph, node) && kernel->supports(graph, node);
}

bool XnnpackDriver::worthwhile(const engine::Partition& partition) const {
  return std::ranges::any_of(partition.nodes, [&](std::size_t node) {
    return find_kernel(*partition.graph->nodes()[node].op)->alone;
  });
}

std::shared_ptr<engine::Workspace> XnnpackDriver::open_workspace() const {
  return std::make_shared<Workspace>();
}

std::unique_ptr<engine::Program> XnnpackDriver::compile(const engine::Partition& partition,
                                                        engine::Workspace& workspace, bool measure) const {
  return std::make_unique<Program>(partition, *weights_, pool_ ? pool_->get() : Threads{},
                                   static_cast<Workspace&>(workspace), measure, options_.halves);
}

engine::ProgramMemory XnnpackDriver::foresee(const engine::Partition& partition) const {
  PackedWeights weights;  // nothing is shared, so everything is counted
  const Rehearsal rehearsal;
  Workspace workspace;
  const Program program(partition, weights, pool_ ? pool_->get() : Threads{}, workspace, false,
                        options_.halves);
  engine::ProgramMemory taken = rehearsal.taken();
  taken.own += program.own_bytes();
  return taken;
}

}  // namespace dormouse::drivers::xnnpack
