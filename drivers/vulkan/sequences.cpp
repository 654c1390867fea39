#include <array>

#include "drivers/vulkan/operands.h"
#include "drivers/vulkan/product.h"
#include "drivers/vulkan/rows.h"

/// What networks on sequences are made of: embeddings, oscillators, attention.
namespace dormouse::drivers::vulkan {
namespace {

using engine::Graph;
using engine::Node;
using engine::Shape;

constexpr std::uint32_t kChannels = 8, kChunks = 32;

struct Gathering {
  std::int64_t extent, inner, many;

  Gathering(const Shape& data, const Node& node, std::int64_t indices) : many(indices) {
    const std::size_t axis = *engine::normalise_axis(node.attributes.integer("axis", 0), data.rank());
    extent = data[axis];
    inner = data.elements(axis + 1, data.rank());
  }
};

void gather(Recorder& recorder, const Node& node, const Shape& data, bool gradient) {
  const Graph& graph = recorder.graph();
  const Gathering g(data, node, input_shape(graph, node, 1).elements());
  const std::int64_t count = output_shape(graph, node).elements();
  const Slot from = recorder.read(node.inputs[0]), indices = recorder.read(node.inputs[1]);
  Call call{.shader = Shader::gather,
            .constants = {kThreads, gradient},
            .slots = {from, indices, recorder.write(node.outputs[0])},
            .first_written = 2,
            .groups = groups_for(static_cast<std::size_t>(count), kThreads)};
  call.push.add(word(count)).add(word(g.extent)).add(word(g.inner)).add(word(g.many));
  recorder.add(std::move(call));
}

bool supports_gather(const Graph& graph, const Node& node) {
  return graph.value(node.inputs[0]).dtype == engine::DType::f32;
}

void emit_gather(Recorder& recorder, const Node& node) {
  gather(recorder, node, input_shape(recorder.graph(), node, 0), false);
}

/// Each element looks through all indices: fine for few of them.
bool supports_gather_grad(const Graph& graph, const Node& node) {
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  return input_shape(graph, node, 1).elements() <= kMost / output_shape(graph, node).elements();
}

void emit_gather_grad(Recorder& recorder, const Node& node) {
  gather(recorder, node, output_shape(recorder.graph(), node), true);
}

std::uint32_t is_reverse(const Node& node) { return node.attributes.integer("reverse", 0) != 0; }

bool supports_scan(const Graph& graph, const Node& node) {
  const Shape &shape = input_shape(graph, node, 0), &matrices = input_shape(graph, node, 1);
  return shape[0] <= 65535 && shape[3] == matrices[2] && output_shape(graph, node) == shape;
}

void emit_scan(Recorder& recorder, const Node& node) {
  const Shape& shape = input_shape(recorder.graph(), node, 0);
  const Slot x = recorder.read(node.inputs[0]), m = recorder.read(node.inputs[1]);
  const Slot state = has_input(node, 2) ? recorder.read(node.inputs[2]) : recorder.nothing();
  Call call{.shader = Shader::scan,
            .constants = {kChannels * kChunks, is_reverse(node) | (has_input(node, 2) ? 2u : 0u), kChannels,
                          kChunks},
            .slots = {x, m, state, recorder.write(node.outputs[0])},
            .first_written = 3,
            .groups = {(word(shape[3]) + kChannels - 1) / kChannels, word(shape[0]), 1}};
  call.push.add(word(shape[1])).add(word(shape[3]));
  recorder.add(std::move(call));
}

void emit_moments(Recorder& recorder, const Node& node) {
  const Shape& shape = input_shape(recorder.graph(), node, 0);
  const Slot a = recorder.read(node.inputs[0]), w = recorder.read(node.inputs[1]);
  Call call{.shader = Shader::moments,
            .constants = {kThreads, is_reverse(node), kChannels, kThreads},
            .slots = {a, w, recorder.write(node.outputs[0])},
            .first_written = 2,
            .groups = {(word(shape[3]) + kChannels - 1) / kChannels, 1, 1}};
  call.push.add(word(shape[0])).add(word(shape[1])).add(word(shape[3]));
  recorder.add(std::move(call));
}

/// The extents before the last two.
Shape leading(const Shape& shape) { return Shape(std::span(shape.extents()).first(shape.rank() - 2)); }

bool supports_attention(const Graph& graph, const Node& node) {
  const Shape batch = leading(input_shape(graph, node, 0));
  const std::int64_t heads = batch.elements();
  const std::int64_t scores =
      heads * input_shape(graph, node, 0)[batch.rank()] * input_shape(graph, node, 1)[batch.rank()];
  return heads <= 65535 && scores < std::int64_t{1} << 28 && leading(input_shape(graph, node, 1)) == batch &&
         leading(input_shape(graph, node, 2)) == batch && leading(output_shape(graph, node)) == batch;
}

void emit_attention(Recorder& recorder, const Node& node) {
  const Graph& graph = recorder.graph();
  const Shape &q = input_shape(graph, node, 0), &k = input_shape(graph, node, 1),
              &v = input_shape(graph, node, 2);
  const std::uint32_t queries = word(q[q.rank() - 2]), depth = word(q.back()), keys = word(k[k.rank() - 2]),
                      width = word(v.back()), heads = word(leading(q).elements());
  Shape scores = leading(q);
  scores.push_back(queries);
  scores.push_back(keys);
  const Slot shares = recorder.temporary(device_bytes(scores.elements()));
  Product first{.m = queries, .n = keys, .k = depth, .alpha = node.attributes.get<float>("scale", 1)};
  first.a_m = depth, first.a_k = 1, first.b_k = 1, first.b_n = depth;
  first.batch[2] = heads, first.a_batch[2] = queries * depth, first.b_batch[2] = keys * depth;
  const Slot left = recorder.read(node.inputs[0]), right = recorder.read(node.inputs[1]);
  add_product(recorder, first, left, right, recorder.nothing(), shares);
  if (has_input(node, 3)) {
    Expression masked(graph, scores);
    masked.define(shares, masked.step(Code::add, masked.in(shares, scores), masked.in(node.inputs[3])));
    masked.emit(recorder);
  }
  add_softmax(recorder, std::int64_t{heads} * queries, keys, shares, shares);
  Product second{.m = queries, .n = width, .k = keys};
  second.a_m = keys, second.a_k = 1, second.b_k = width, second.b_n = 1;
  second.batch[2] = heads, second.a_batch[2] = queries * keys, second.b_batch[2] = keys * width;
  const Slot values = recorder.read(node.inputs[2]);
  add_product(recorder, second, shares, values, recorder.nothing(), recorder.write(node.outputs[0]));
}

}  // namespace

extern const std::array<Kernel, 5> sequence_kernels;
const std::array<Kernel, 5> sequence_kernels{
    Kernel{.op = "Gather", .supports = supports_gather, .emit = emit_gather, .integers = 2},
    Kernel{.op = "GatherGrad",
           .supports = supports_gather_grad,
           .emit = emit_gather_grad,
           .integers = 2,
           .shapes = 4},
    Kernel{.op = "OscillatorScan", .supports = supports_scan, .emit = emit_scan},
    Kernel{.op = "OscillatorMoments", .emit = emit_moments},
    Kernel{.op = "ScaledDotProductAttention", .supports = supports_attention, .emit = emit_attention},
};

}  // namespace dormouse::drivers::vulkan
