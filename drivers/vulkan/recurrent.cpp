#include <algorithm>
#include <array>

#include "drivers/vulkan/operands.h"
#include "drivers/vulkan/product.h"
#include "engine/ops/recurrent.h"

/// LSTM, GRU and CfC: a product for all steps, then one dispatch for each direction.
namespace dormouse::drivers::vulkan {
namespace {

using engine::Graph;
using engine::Node;
using engine::Shape;

/// As in shaders/recurrent.comp.
enum class Cell : std::uint32_t { lstm, gru, cfc };
enum Flag : std::uint32_t {
  kBiased = 1,
  kBeginsWithH = 2,
  kBeginsWithC = 4,
  kTimed = 8,
  kGivesY = 16,
  kGivesH = 32,
  kGivesC = 64,
  kResetsFirst = 128,
  kTurned = 256,
  kBackwards = 512
};
enum Input : std::size_t { kX, kW, kR, kB, kLengths, kH, kC, kPeepholes, kElapsed = kC };

struct Extents {
  std::uint32_t steps, batch, inputs, units, wide, directions;
  bool batch_first, turned;

  Extents(const Graph& graph, const Node& node) {
    const Shape &x = input_shape(graph, node, kX), &r = input_shape(graph, node, kR);
    batch_first = node.attributes.integer("layout", 0) == 1;
    turned = node.attributes.integer(engine::recurrent::kTransposed, 0) == 1;
    steps = word(x[batch_first ? 1 : 0]);
    batch = word(x[batch_first ? 0 : 1]);
    inputs = word(x[2]);
    directions = word(r[0]);
    units = word(r[turned ? 1 : 2]);
    wide = word(r[turned ? 2 : 1]);
  }
  std::int64_t projected() const { return std::int64_t{directions} * steps * batch * wide; }
};

bool supports(const Graph& graph, const Node& node) {
  constexpr std::uint32_t kMostUnits = 1024, kMostBatch = 65535;  // of shared memory, of work groups
  constexpr std::int64_t kMostProjected = std::int64_t{1} << 28;
  const Extents e(graph, node);
  const bool plain = !node.attributes.has("activations") && !node.attributes.has("clip") &&
                     node.attributes.integer("input_forget", 0) == 0;
  return plain && !has_input(node, kLengths) && !has_input(node, kPeepholes) && e.units <= kMostUnits &&
         e.batch <= kMostBatch && e.projected() <= kMostProjected;
}

Slot project(Recorder& recorder, const Node& node, const Extents& e) {
  const Slot x = recorder.read(node.inputs[kX]), w = recorder.read(node.inputs[kW]);
  const Slot projected = recorder.temporary(device_bytes(e.projected()));
  Product p{.m = e.steps * e.batch, .n = e.wide, .k = e.inputs};
  p.a_m = e.inputs, p.a_k = 1;
  p.b_k = e.turned ? e.wide : 1, p.b_n = e.turned ? 1 : e.inputs;
  p.batch[2] = e.directions, p.b_batch[2] = e.wide * e.inputs;
  add_product(recorder, p, x, w, recorder.nothing(), projected);
  return projected;
}

template <Cell cell>
void emit(Recorder& recorder, const Node& node) {
  const Graph& graph = recorder.graph();
  const Extents e(graph, node);
  std::uint32_t flags = e.turned ? std::uint32_t{kTurned} : 0;
  const auto input = [&](bool read, std::size_t i, Flag flag) {
    if (!read || !has_input(node, i)) return recorder.nothing();
    flags |= flag;
    return recorder.read(node.inputs[i]);
  };
  const auto output = [&](std::size_t i, Flag flag) {
    if (!has_output(node, i)) return recorder.nothing();
    flags |= flag;
    return recorder.write(node.outputs[i]);
  };
  const std::vector<Slot> slots{project(recorder, node, e),
                                recorder.read(node.inputs[kR]),
                                input(true, kB, kBiased),
                                input(true, kH, kBeginsWithH),
                                input(cell == Cell::lstm, kC, kBeginsWithC),
                                input(cell == Cell::cfc, kElapsed, kTimed),
                                output(0, kGivesY),
                                output(1, kGivesH),
                                output(2, kGivesC)};
  if (cell == Cell::gru && node.attributes.integer("linear_before_reset", 0) == 0) flags |= kResetsFirst;
  const bool reverse = node.attributes.get<std::string>("direction", "forward") == "reverse";
  const std::uint32_t threads = std::min(kThreads, (e.units + 31) / 32 * 32), own = e.directions * e.units;
  for (std::uint32_t d = 0; d < e.directions; ++d) {
    Call call{.shader = Shader::recurrent,
              .constants = {threads, static_cast<std::uint32_t>(cell),
                            flags | (reverse || d == 1 ? std::uint32_t{kBackwards} : 0), e.units},
              .slots = slots,
              .first_written = 6,
              .groups = {e.batch, 1, 1},
              .beside = d > 0};
    const std::uint32_t state_base = e.batch_first ? d * e.units : d * e.batch * e.units;
    call.push.add(e.steps).add(d * e.steps * e.batch * e.wide).add(d * e.units * e.wide).add(d * 2 * e.wide);
    call.push.add(e.batch_first ? 1 : e.batch).add(e.batch_first ? e.steps : 1);
    call.push.add(state_base)
        .add(e.batch_first ? own : e.batch * own)
        .add(e.batch_first ? e.steps * own : e.units);
    call.push.add(state_base).add(e.batch_first ? own : e.units);
    recorder.add(std::move(call));
  }
}

}  // namespace

extern const std::array<Kernel, 3> recurrent_kernels;
const std::array<Kernel, 3> recurrent_kernels{
    Kernel{.op = "LSTM", .supports = supports, .emit = emit<Cell::lstm>},
    Kernel{.op = "GRU", .supports = supports, .emit = emit<Cell::gru>},
    Kernel{.op = "CfC", .supports = supports, .emit = emit<Cell::cfc>},
};

}  // namespace dormouse::drivers::vulkan
