#include "engine/footprint.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "engine/kernel_call.h"
#include "engine/mapped.h"
#include "engine/on_demand.h"
#include "engine/passes/pass.h"
#include "engine/plan.h"

namespace dormouse::engine {
namespace {

std::size_t bytes_of(const ValueInfo& value) {
  return static_cast<std::size_t>(value.shape.elements()) * size_of(value.dtype);
}

/// Constants by the memory that they lie in: several share some.
class Constants {
 public:
  void add(const Graph& graph) {
    for (std::size_t i = 0; i < graph.value_count(); ++i)
      if (const auto& constant = graph.value(static_cast<ValueId>(i)).constant) add(*constant);
  }
  void sum(Footprint& footprint) const {
    for (const auto& [buffer, bytes] : heap_) footprint.copied += bytes;
    for (const auto& [address, bytes] : mapped_) footprint.mapped += bytes;
  }

 private:
  void add(const Tensor& tensor) {
    if (is_mapped(tensor) || is_unmade(tensor))
      mapped_[tensor.address()] = tensor.byte_size();
    else
      heap_[tensor.buffer().get()] = tensor.buffer()->size();
  }

  std::unordered_map<const Buffer*, std::size_t> heap_;
  std::unordered_map<const std::byte*, std::size_t> mapped_;
};

/// Of strings and vectors whose elements lie on the heap.
template <class Container>
std::size_t heap_of(const Container& container) {
  return container.capacity() * sizeof(*container.data());
}

/// About what a graph's own tables take: constants are counted elsewhere.
std::size_t tables_of(const Graph& graph) {
  constexpr std::size_t kBlock = 16;    // what an allocation adds
  constexpr std::size_t kEntry = 128;   // an attribute in its map, and its name
  constexpr std::size_t kBuffer = 128;  // a tensor's buffer and its count
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < graph.value_count(); ++i) {
    const ValueInfo& value = graph.value(static_cast<ValueId>(i));
    bytes +=
        sizeof(ValueInfo) + value.name.capacity() + value.shape.rank() * sizeof(std::int64_t) + 2 * kBlock;
    if (value.constant) bytes += kBuffer;
  }
  for (const Node& node : graph.nodes())
    bytes += sizeof(Node) + node.name.capacity() + heap_of(node.inputs) + heap_of(node.outputs) + 3 * kBlock +
             node.attributes.entries().size() * kEntry;
  return bytes;
}

class Foreseeing {
 public:
  explicit Foreseeing(const Plan& plan) : plan_(plan) {
    for (const Step& step : plan.steps) step.driver ? add_program(step) : add_kernel(step);
    result_.arena = plan.arena_bytes;
    for (const ValueId id : plan.graph.outputs()) result_.outputs += bytes_of(plan.graph.value(id));
    result_.tables += tables_of(plan.graph) + plan.steps.size() * sizeof(Step) +
                      plan.places.size() * (sizeof(Place) + sizeof(View));
  }
  const Footprint& result() const { return result_; }

 private:
  void add_program(const Step& step) {
    const Partition partition{&plan_.graph, step.partition.nodes, step.partition.inputs,
                              step.partition.outputs};
    const ProgramMemory taken = step.driver->foresee(partition);
    result_.packed += taken.weights;
    result_.workspace = std::max(result_.workspace, taken.workspace);
    result_.tables += taken.own;
  }

  void add_kernel(const Step& step) {
    const Node& node = plan_.graph.nodes()[step.partition.nodes.front()];
    if (node.op->control || node.op->is_view) return;
    const auto inputs = views(node.inputs), outputs = views(node.outputs);
    result_.scratch = std::max(result_.scratch, prepare(node, inputs, outputs, plan_.parallel).scratch_bytes);
  }

  /// Constants, and values that are present but not there yet.
  View view(const ValueInfo& value) {
    alignas(64) static std::byte nowhere[4096];  // kernels ask whether an operand is present, not what it is
    if (!value.constant) return {value.dtype, &value.shape, nowhere};
    if (!is_unmade(*value.constant)) return view_of(*value.constant);
    const Buffer* const buffer = value.constant->buffer().get();
    if (kept_.insert(buffer).second) result_.copied += buffer->size();  // when it runs: zeros until then
    return {value.dtype, &value.shape, const_cast<std::byte*>(value.constant->address())};
  }

  std::vector<View> views(std::span<const ValueId> ids) {
    std::vector<View> result;
    for (const ValueId id : ids) result.push_back(id == kAbsent ? View{} : view(plan_.graph.value(id)));
    return result;
  }

  const Plan& plan_;
  std::unordered_set<const Buffer*> kept_;
  Footprint result_;
};

}  // namespace

std::vector<Shape> least_shapes(const Graph& graph) {
  std::vector<Shape> shapes;
  for (const ValueId id : graph.inputs()) {
    Shape& shape = shapes.emplace_back(graph.value(id).shape);
    for (std::size_t d = 0; d < shape.rank(); ++d)
      if (shape[d] == kDynamic) shape[d] = 1;
  }
  return shapes;
}

Footprint foresee(const Graph& graph, std::span<const Shape> shapes, std::span<const Driver* const> drivers) {
  Graph optimised = graph;
  optimise(optimised);
  const Plan plan = make_plan(optimised, shapes, drivers, std::numeric_limits<std::size_t>::max());
  Footprint footprint = Foreseeing(plan).result();
  Constants constants;
  constants.add(optimised);
  constants.add(plan.graph);
  if (plan.tail) constants.add(*plan.tail);
  constants.sum(footprint);
  footprint.tables += tables_of(optimised);
  return footprint;
}

}  // namespace dormouse::engine
