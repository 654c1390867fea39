#include <algorithm>
#include <array>

#include "drivers/vulkan/copying.h"
#include "drivers/vulkan/operands.h"
#include "drivers/vulkan/reduction.h"
#include "engine/ops/slicing.h"

/// What moves elements and computes nothing.
namespace dormouse::drivers::vulkan {
namespace {

using engine::Graph;
using engine::Node;
using engine::Shape;
using Integers = std::vector<std::int64_t>;

constexpr std::size_t kRank = 8;  // as in shaders/copy.comp

void view(Recorder& recorder, const Node& node) {
  recorder.alias(node.outputs[0], recorder.read(node.inputs[0]));
}

Copy transpose(const Graph& graph, const Node& node) {
  const Shape& shape = input_shape(graph, node, 0);
  const Integers from = engine::strides(shape), to = engine::strides(output_shape(graph, node));
  Integers order = node.attributes.integers("perm");
  if (order.empty())
    for (std::size_t d = shape.rank(); d-- > 0;) order.push_back(static_cast<std::int64_t>(d));
  Copy copy;
  for (std::size_t d = 0; d < order.size(); ++d) {
    const auto source = static_cast<std::size_t>(order[d]);
    copy.axis(shape[source], from[source], to[d]);
  }
  return copy;
}

bool supports_transpose(const Graph& graph, const Node& node) { return copyable(transpose(graph, node)); }

void emit_transpose(Recorder& recorder, const Node& node) {
  const Slot in = recorder.read(node.inputs[0]);
  add_copy(recorder, transpose(recorder.graph(), node), in, recorder.write(node.outputs[0]));
}

std::size_t axis_of(const Graph& graph, const Node& node, std::int64_t fallback) {
  return *engine::normalise_axis(node.attributes.integer("axis", fallback), output_shape(graph, node).rank());
}

/// A part of `whole` that begins at `offset` along `axis`, where the part is `shape`.
Copy part(const Shape& shape, const Shape& whole, std::size_t axis, std::int64_t offset, bool into_whole) {
  const std::int64_t inner = whole.elements(axis + 1, whole.rank()), outer = whole.elements(0, axis);
  Copy copy;
  copy.axis(outer, (into_whole ? shape : whole)[axis] * inner, (into_whole ? whole : shape)[axis] * inner);
  copy.axis(shape[axis] * inner, 1, 1);
  (into_whole ? copy.to_offset : copy.from_offset) = offset * inner;
  return copy;
}

/// A Dropout of a model that is not trained.
bool drops_nothing(const Graph& graph, const Node& node) {
  const engine::Tensor* const trains = constant(graph, node, 2);
  return !has_input(node, 2) || (trains && *trains->data() == std::byte{0});
}

/// A tensor of one number, made once.
void fill(Recorder& recorder, const Node& node, std::size_t output, float number) {
  const engine::ValueId id = node.outputs[output];
  engine::Tensor filled(engine::DType::f32, recorder.graph().value(id).shape);
  std::ranges::fill(filled.mutable_values<float>(), number);
  recorder.alias(id, recorder.constant(filled));
}

/// The mask lets all through.
void emit_dropout(Recorder& recorder, const Node& node) {
  view(recorder, node);
  if (has_output(node, 1)) fill(recorder, node, 1, 1);
}

bool supports_filled(const Graph& graph, const Node& node) { return constant(graph, node, 0) != nullptr; }

/// Made once, as weights are that nobody trains: a fold leaves large ones as they are.
void emit_filled(Recorder& recorder, const Node& node) {
  const auto* const value = node.attributes.find<engine::Tensor>("value");
  fill(recorder, node, 0, value ? value->values<float>()[0] : 0);
}

/// What lies in one run of the result is computed there; the rest is copied.
void emit_concat(Recorder& recorder, const Node& node) {
  const Graph& graph = recorder.graph();
  const std::size_t axis = axis_of(graph, node, 0);
  const Shape& whole = output_shape(graph, node);
  const bool one_run = whole.elements(0, axis) == 1;
  const Slot out = recorder.write(node.outputs[0]);
  std::int64_t offset = 0;
  bool copied = false;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Shape& shape = input_shape(graph, node, i);
    if (shape.elements() == 0) continue;
    const Slot in = recorder.read(node.inputs[i]);
    const std::int64_t before = offset * whole.elements(axis + 1, whole.rank());
    offset += shape[axis];
    if (one_run && recorder.lay(in, out, device_bytes(before))) continue;
    add_copy(recorder, part(shape, whole, axis, offset - shape[axis], true), in, out, copied);
    copied = true;
  }
}

void emit_split(Recorder& recorder, const Node& node) {
  const Graph& graph = recorder.graph();
  const std::size_t axis = axis_of(graph, node, 0);
  const Slot in = recorder.read(node.inputs[0]);
  std::int64_t offset = 0;
  for (const engine::ValueId id : node.outputs) {
    const Shape& shape = graph.value(id).shape;
    add_copy(recorder, part(shape, input_shape(graph, node, 0), axis, offset, false), in, recorder.write(id));
    offset += shape[axis];
  }
}

/// Elements of a slice beside those of the whole; the lists are inputs from `lists` on.
std::optional<Copy> cut(const Graph& graph, const Node& node, const Shape& whole, std::size_t lists,
                        bool into_whole) {
  const engine::InferContext context(graph, node);
  const auto cuts = engine::infer_cuts(context, whole, lists);
  if (!cuts) return std::nullopt;
  const Integers steps = engine::strides(whole);
  std::vector<std::int64_t> counts;
  for (const engine::Cut& one : *cuts) counts.push_back(one.count);
  const Integers own = engine::strides(Shape(counts));
  Copy copy;
  for (std::size_t d = 0; d < cuts->size(); ++d) {
    const std::int64_t step = steps[d] * (*cuts)[d].step;
    copy.axis(counts[d], into_whole ? own[d] : step, into_whole ? step : own[d]);
    (into_whole ? copy.to_offset : copy.from_offset) += steps[d] * (*cuts)[d].start;
  }
  return copy;
}

bool supports_slice(const Graph& graph, const Node& node) {
  const auto copy = cut(graph, node, input_shape(graph, node, 0), 1, false);
  return copy && copyable(*copy);
}

void emit_slice(Recorder& recorder, const Node& node) {
  const Slot in = recorder.read(node.inputs[0]);
  const auto copy = cut(recorder.graph(), node, input_shape(recorder.graph(), node, 0), 1, false);
  add_copy(recorder, *copy, in, recorder.write(node.outputs[0]));
}

bool supports_slice_grad(const Graph& graph, const Node& node) {
  const auto copy = cut(graph, node, output_shape(graph, node), 2, true);
  return copy && copyable(*copy);
}

void emit_slice_grad(Recorder& recorder, const Node& node) {
  const Slot in = recorder.read(node.inputs[0]), out = recorder.write(node.outputs[0]);
  recorder.fill(out, 0);
  add_copy(recorder, *cut(recorder.graph(), node, output_shape(recorder.graph(), node), 2, true), in, out);
}

std::optional<Integers> integers(const Graph& graph, const Node& node, std::size_t i) {
  const engine::Tensor* const tensor = constant(graph, node, i);
  if (!tensor || tensor->dtype() != engine::DType::i64) return std::nullopt;
  return Integers(tensor->values<std::int64_t>().begin(), tensor->values<std::int64_t>().end());
}

/// One value around the input, none of which is cut off.
struct Padding {
  Copy copy;
  float value = 0;
};

std::optional<Padding> padding(const Graph& graph, const Node& node) {
  const Shape &in = input_shape(graph, node, 0), &out = output_shape(graph, node);
  if (node.attributes.get<std::string>("mode", "constant") != "constant") return std::nullopt;
  const auto pads =
      has_input(node, 1) ? integers(graph, node, 1) : std::optional(node.attributes.integers("pads"));
  const auto axes = has_input(node, 3) ? integers(graph, node, 3) : std::optional(Integers{});
  if (!pads || !axes) return std::nullopt;
  Padding result{{}, node.attributes.get<float>("value", 0)};
  if (has_input(node, 2)) {
    const engine::Tensor* const value = constant(graph, node, 2);
    if (!value || value->dtype() != engine::DType::f32) return std::nullopt;
    result.value = value->values<float>()[0];
  }
  if (std::ranges::any_of(*pads, [](std::int64_t pad) { return pad < 0; })) return std::nullopt;
  Integers before(in.rank(), 0);
  for (std::size_t i = 0; i < pads->size() / 2; ++i)
    before[has_input(node, 3) ? *engine::normalise_axis((*axes)[i], in.rank()) : i] = (*pads)[i];
  const Integers from = engine::strides(in), to = engine::strides(out);
  for (std::size_t d = 0; d < in.rank(); ++d) {
    result.copy.axis(in[d], from[d], to[d]);
    result.copy.to_offset += before[d] * to[d];
  }
  return result;
}

bool supports_pad(const Graph& graph, const Node& node) {
  const auto found = padding(graph, node);
  return found && copyable(found->copy);
}

void emit_pad(Recorder& recorder, const Node& node) {
  const Padding pads = *padding(recorder.graph(), node);
  const Slot in = recorder.read(node.inputs[0]), out = recorder.write(node.outputs[0]);
  recorder.fill(out, pads.value);
  add_copy(recorder, pads.copy, in, out);
}

Copy tiles(const Shape& tile, const Shape& tiled) {
  const Integers from = engine::strides(tile), to = engine::strides(tiled);
  Copy copy;
  for (std::size_t d = 0; d < tile.rank(); ++d) {
    copy.axis(tiled[d] / tile[d], 0, to[d] * tile[d]);
    copy.axis(tile[d], from[d], to[d]);
  }
  return copy;
}

bool supports_tile(const Graph& graph, const Node& node) {
  return copyable(tiles(input_shape(graph, node, 0), output_shape(graph, node)));
}

void emit_tile(Recorder& recorder, const Node& node) {
  const Graph& graph = recorder.graph();
  const Slot in = recorder.read(node.inputs[0]);
  add_copy(recorder, tiles(input_shape(graph, node, 0), output_shape(graph, node)), in,
           recorder.write(node.outputs[0]));
}

/// What Tile made, with an axis of its own for each repetition, which is summed.
struct Repeats {
  Shape shape;
  std::vector<bool> reduced;

  Repeats(const Shape& tile, const Shape& tiled) {
    for (std::size_t d = 0; d < tile.rank(); ++d) {
      shape.push_back(tiled[d] / tile[d]);
      shape.push_back(tile[d]);
      reduced.insert(reduced.end(), {true, false});
    }
  }
};

bool supports_tile_grad(const Graph& graph, const Node& node) {
  const Repeats repeats(output_shape(graph, node), input_shape(graph, node, 0));
  return reducible(repeats.shape, repeats.reduced);
}

void emit_tile_grad(Recorder& recorder, const Node& node) {
  const Repeats repeats(output_shape(recorder.graph(), node), input_shape(recorder.graph(), node, 0));
  const Slot in = recorder.read(node.inputs[0]);
  add_reduction(recorder, {}, repeats.shape, repeats.reduced, in, recorder.write(node.outputs[0]));
}

/// Pixels of b × b blocks, which are channels in depth; see engine/ops/depth_space.h.
template <bool to_space>
void emit_depth_space(Recorder& recorder, const Node& node) {
  const Graph& graph = recorder.graph();
  const Shape& space = to_space ? output_shape(graph, node) : input_shape(graph, node, 0);
  const std::int64_t b = node.attributes.integer("blocksize", 1);
  const bool crd = node.attributes.get<std::string>("mode", "DCR") == "CRD";
  const std::int64_t n = space[0], c = space[1], h = space[2] / b, w = space[3] / b, plane = h * w;
  const std::int64_t row = crd ? b * plane : b * c * plane, column = crd ? plane : c * plane,
                     channel = crd ? b * b * plane : plane;
  Copy copy;
  const auto axis = [&](std::int64_t extent, std::int64_t in_depth, std::int64_t in_space) {
    copy.axis(extent, to_space ? in_depth : in_space, to_space ? in_space : in_depth);
  };
  axis(n, c * b * b * plane, c * h * b * w * b);
  axis(c, channel, h * b * w * b);
  axis(h, w, b * w * b);
  axis(b, row, w * b);
  axis(w, 1, b);
  axis(b, column, 1);
  const Slot in = recorder.read(node.inputs[0]);
  add_copy(recorder, copy, in, recorder.write(node.outputs[0]));
}

/// A Dropout of inference.
bool only_passes(const Graph&, const Node& node) { return node.outputs.size() == 1 && !has_input(node, 2); }

constexpr Kernel looks(std::string_view op) {
  return {.op = op, .emit = view, .alone = false, .shapes = ~1u, .booleans = true};
}

}  // namespace

void Copy::axis(std::int64_t extent, std::int64_t from, std::int64_t to) {
  if (extent == 1) return;
  const bool joins =
      !extents.empty() && from_strides.back() == from * extent && to_strides.back() == to * extent;
  if (joins) {
    extents.back() *= extent;
    from_strides.back() = from;
    to_strides.back() = to;
  } else {
    extents.push_back(extent);
    from_strides.push_back(from);
    to_strides.push_back(to);
  }
}

bool copyable(const Copy& copy) { return copy.extents.size() <= kRank; }

void add_copy(Recorder& recorder, const Copy& copy, Slot from, Slot to, bool beside) {
  std::int64_t count = 1;
  for (const std::int64_t extent : copy.extents) count *= extent;
  Call call{.shader = Shader::copy,
            .constants = {kThreads, word(static_cast<std::int64_t>(copy.extents.size()))},
            .slots = {from, to},
            .first_written = 1,
            .groups = groups_for(static_cast<std::size_t>(count), kThreads),
            .beside = beside};
  call.push.add(word(count)).add(word(copy.from_offset)).add(word(copy.to_offset));
  for (const Integers& list : {copy.extents, copy.from_strides, copy.to_strides})
    for (std::size_t d = 0; d < kRank; ++d) call.push.add(d < list.size() ? word(list[d]) : 1u);
  recorder.add(std::move(call));
}

extern const std::array<Kernel, 21> moving_kernels;
const std::array<Kernel, 21> moving_kernels{
    Kernel{
        .op = "Dropout", .supports = drops_nothing, .emit = emit_dropout, .alone = false, .booleans = true},
    Kernel{.op = "ConstantOfShape",
           .supports = supports_filled,
           .emit = emit_filled,
           .alone = false,
           .constant = true},
    looks("Reshape"),
    looks("Flatten"),
    looks("Squeeze"),
    looks("Unsqueeze"),
    looks("Identity"),
    looks("ReshapeTo"),
    looks("After"),
    looks("Detach"),
    Kernel{.op = "Transpose",
           .supports = supports_transpose,
           .emit = emit_transpose,
           .alone = false,
           .booleans = true},
    Kernel{.op = "Concat", .emit = emit_concat, .alone = false, .booleans = true},
    Kernel{.op = "Split", .emit = emit_split, .alone = false, .booleans = true},
    Kernel{.op = "Slice", .supports = supports_slice, .emit = emit_slice, .alone = false, .booleans = true},
    Kernel{.op = "SliceGrad",
           .supports = supports_slice_grad,
           .emit = emit_slice_grad,
           .alone = false,
           .shapes = 2},
    Kernel{.op = "Pad", .supports = supports_pad, .emit = emit_pad, .alone = false},
    Kernel{.op = "Tile", .supports = supports_tile, .emit = emit_tile, .alone = false},
    Kernel{.op = "TileGrad",
           .supports = supports_tile_grad,
           .emit = emit_tile_grad,
           .alone = false,
           .shapes = 2},
    Kernel{.op = "DepthToSpace", .emit = emit_depth_space<true>, .alone = false},
    Kernel{.op = "SpaceToDepth", .emit = emit_depth_space<false>, .alone = false},
    Kernel{.op = "Dropout", .supports = only_passes, .emit = view, .alone = false, .shapes = 2},
};

}  // namespace dormouse::drivers::vulkan
