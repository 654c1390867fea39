#include "engine/kernels/ternary.h"

#include <array>

#include "drivers/vulkan/operands.h"
#include "drivers/vulkan/product.h"
#include "drivers/vulkan/reduction.h"

/// Linear layers of ternary weights and 8-bit activations, in whole numbers of f32: exact up to 2^24.
namespace dormouse::drivers::vulkan {
namespace {

using engine::Graph;
using engine::Node;
using engine::Shape;
using engine::Tensor;

struct Extents {
  std::int64_t rows, in, out;

  Extents(const Graph& graph, const Node& node)
      : in(input_shape(graph, node, 0).back()), out(output_shape(graph, node).back()) {
    rows = input_shape(graph, node, 0).elements() / in;
  }
};

Term at_least_tiny(Expression& e, Term x) { return e.step(Code::max, x, e.number(engine::kLeastScale)); }

/// The product of x in steps of its rows with `ternary` [out, in], times both steps; bias is a node's input.
void add_ternary(Recorder& recorder, const Node& node, Slot ternary, Slot scale, std::size_t bias) {
  const Graph& graph = recorder.graph();
  const Extents s(graph, node);
  const Shape x{s.rows, s.in}, y{s.rows, s.out}, by_row{s.rows, 1};
  const Slot given = recorder.read(node.inputs[0]), steps = recorder.temporary(device_bytes(x.elements())),
             most = recorder.temporary(device_bytes(s.rows)),
             sums = recorder.temporary(device_bytes(y.elements()));
  Expression magnitudes(graph, x);
  magnitudes.define(steps, magnitudes.step(Code::abs, magnitudes.in(given, x)));
  magnitudes.emit(recorder);
  add_reduction(recorder, {.fold = Fold::max}, x, {false, true}, steps, most);
  Expression in_steps(graph, x);
  const Term each = in_steps.step(Code::div, in_steps.number(engine::kTernarySteps),
                                  at_least_tiny(in_steps, in_steps.in(most, by_row)));
  in_steps.define(steps, in_steps.step(Code::round, in_steps.step(Code::mul, in_steps.in(given, x), each)));
  in_steps.emit(recorder);
  Product p{.m = word(s.rows), .n = word(s.out), .k = word(s.in)};
  p.a_m = p.k, p.a_k = 1, p.b_k = 1, p.b_n = p.k;
  add_product(recorder, p, steps, ternary, recorder.nothing(), sums);
  Expression scaled(graph, y);
  const Term step = scaled.step(Code::div, at_least_tiny(scaled, scaled.in(most, by_row)),
                                scaled.number(engine::kTernarySteps));
  const Term factor = scaled.step(Code::mul, step, scaled.in(scale, Shape{}));
  Term result = scaled.step(Code::mul, scaled.in(sums, y), factor);
  if (has_input(node, bias)) result = scaled.step(Code::add, result, scaled.in(node.inputs[bias]));
  scaled.define(node.outputs[0], result);
  scaled.emit(recorder);
}

void emit_bit_linear(Recorder& recorder, const Node& node) {
  const Graph& graph = recorder.graph();
  const Shape& shape = input_shape(graph, node, 1);
  const Slot w = recorder.read(node.inputs[1]), scale = recorder.temporary(4), tiny = recorder.temporary(4),
             ternary = recorder.temporary(device_bytes(shape.elements()));
  const Reduction mean{.fold = Fold::magnitudes, .factor = 1 / static_cast<float>(shape.elements())};
  add_reduction(recorder, mean, shape, {true, true}, w, tiny);
  Expression bounded(graph, Shape{});
  bounded.define(scale, at_least_tiny(bounded, bounded.in(tiny, Shape{})));
  bounded.emit(recorder);
  Expression e(graph, shape);
  const Term steps = e.step(Code::div, e.in(w, shape), e.in(scale, Shape{}));
  e.define(ternary, e.step(Code::sub, e.step(Code::greater, steps, e.number(0.5f)),
                           e.step(Code::less, steps, e.number(-0.5f))));
  e.emit(recorder);
  add_ternary(recorder, node, ternary, scale, 2);
}

bool supports_packed(const Graph& graph, const Node& node) { return constant(graph, node, 1) != nullptr; }

/// As engine/kernels/ternary.h packs them.
Tensor unpacked(const Tensor& packed, std::int64_t in) {
  Tensor result(engine::DType::f32, {packed.shape()[0], in});
  const auto from = packed.values<std::uint8_t>();
  const auto to = result.mutable_values<float>();
  const auto bytes = static_cast<std::size_t>(packed.shape()[1]), row = static_cast<std::size_t>(in);
  for (std::size_t i = 0; i < to.size(); ++i) {
    constexpr std::size_t kBlock = engine::kTernaryBlock, kBytes = engine::kTernaryBytes;
    const std::size_t at = i % row, in_block = at % kBlock;
    const std::uint8_t byte = from[i / row * bytes + at / kBlock * kBytes + in_block % kBytes];
    to[i] = static_cast<float>(byte >> 2 * (in_block / kBytes) & 3) - 1;
  }
  return result;
}

void emit_packed(Recorder& recorder, const Node& node) {
  const Graph& graph = recorder.graph();
  const Slot ternary =
      recorder.constant(unpacked(*constant(graph, node, 1), input_shape(graph, node, 0).back()));
  add_ternary(recorder, node, ternary, recorder.read(node.inputs[2]), 3);
}

}  // namespace

extern const std::array<Kernel, 2> ternary_kernels;
const std::array<Kernel, 2> ternary_kernels{
    Kernel{.op = "BitLinear", .supports = nullptr, .emit = emit_bit_linear},
    Kernel{.op = "PackedBitLinear", .supports = supports_packed, .emit = emit_packed},
};

}  // namespace dormouse::drivers::vulkan
