#include "drivers/vulkan/rows.h"

#include <array>

#include "drivers/vulkan/operands.h"
#include "engine/ops/normalising.h"

/// What takes a row as a whole: softmax and its losses, normalisations.
namespace dormouse::drivers::vulkan {
namespace {

using engine::Graph;
using engine::Node;
using engine::Shape;

/// As in shaders/rows.comp.
enum class Rows : std::uint32_t { softmax, log_softmax, centred, scaled, cross_entropy, mean };
constexpr std::uint32_t kScale = 1, kBias = 2, kMeans = 4, kDeviations = 8, kRunning = 16;

struct Layout {
  std::uint32_t rows = 1, length = 1;
  std::uint32_t per = 1, outer = 0, inner = 0, run = 1, far = 0, near = 1;
  float epsilon = 0, momentum = 0;
  std::uint32_t s_rows_by = 1, s_rows = 1, s_row = 0, s_by = 1, s_step = 0;
};

/// Rows one behind the other.
Layout in_order(std::int64_t rows, std::int64_t length) {
  return {.rows = word(rows), .length = word(length), .outer = word(length), .run = word(length)};
}

struct Operands {
  Slot x, scale, bias, mean, variance, y, means, deviations;
};

Operands only(Recorder& recorder, Slot x, Slot y) {
  const Slot none = recorder.nothing();
  return {x, none, none, none, none, y, none, none};
}

void add_rows(Recorder& recorder, Rows what, std::uint32_t flags, const Layout& l, const Operands& o) {
  std::uint32_t threads = 32;
  while (threads < 256 && threads * 4 < l.length) threads *= 2;
  Call call{.shader = recorder.device().subgroups_add() ? Shader::rows_subgroups : Shader::rows,
            .constants = {threads, static_cast<std::uint32_t>(what), flags, threads},
            .slots = {o.x, o.scale, o.bias, o.mean, o.variance, o.y, o.means, o.deviations},
            .first_written = 5,
            .groups = groups_for(l.rows, 1)};
  call.push.add(l.rows).add(l.length).add(l.per).add(l.outer).add(l.inner).add(l.run).add(l.far).add(l.near);
  call.push.add(l.epsilon).add(l.momentum);
  call.push.add(l.s_rows_by).add(l.s_rows).add(l.s_row).add(l.s_by).add(l.s_step);
  recorder.add(std::move(call));
}

template <Rows what>
void emit_softmax(Recorder& recorder, const Node& node) {
  const Shape& shape = input_shape(recorder.graph(), node, 0);
  const std::size_t axis = *engine::normalise_axis(node.attributes.integer("axis", -1), shape.rank());
  const std::int64_t length = shape[axis], inner = shape.elements(axis + 1, shape.rank());
  Layout layout = in_order(shape.elements() / length, length);
  layout.per = word(inner);
  layout.outer = word(length * inner);
  layout.inner = 1;
  layout.near = word(inner);
  const Slot x = recorder.read(node.inputs[0]);
  add_rows(recorder, what, 0, layout, only(recorder, x, recorder.write(node.outputs[0])));
}

void emit_cross_entropy(Recorder& recorder, const Node& node) {
  const Shape& shape = input_shape(recorder.graph(), node, 0);
  const std::uint32_t weighted = has_input(node, 2) ? kBias : 0;
  const Slot weights = weighted ? recorder.read(node.inputs[2]) : recorder.nothing();
  const Slot losses = recorder.temporary(device_bytes(shape[0]));
  Operands each = only(recorder, recorder.read(node.inputs[0]), losses);
  each.scale = recorder.read(node.inputs[1]);
  each.bias = weights;
  add_rows(recorder, Rows::cross_entropy, weighted, in_order(shape[0], shape[1]), each);
  Operands all = only(recorder, losses, recorder.write(node.outputs[0]));
  all.bias = weights;
  add_rows(recorder, Rows::mean, weighted, in_order(1, shape[0]), all);
}

bool fits_rows(const Graph& graph, const Node& node, std::size_t i, std::int64_t length) {
  if (!has_input(node, i)) return true;
  return input_shape(graph, node, i).elements() == length ||
         (i == 1 && !has_input(node, 2) && input_shape(graph, node, i).elements() == 1);
}

std::int64_t row_length(const Graph& graph, const Node& node) {
  const Shape& shape = input_shape(graph, node, 0);
  return shape.elements(engine::first_normalised_axis(node.attributes, shape.rank()), shape.rank());
}

bool supports_layer(const Graph& graph, const Node& node) {
  const std::int64_t length = row_length(graph, node);
  return fits_rows(graph, node, 1, length) && fits_rows(graph, node, 2, length);
}

/// Scale and bias, and the outputs that are asked for.
Operands normalised(Recorder& recorder, const Node& node) {
  Operands o = only(recorder, recorder.read(node.inputs[0]), 0);
  o.scale = recorder.read(node.inputs[1]);
  if (has_input(node, 2)) o.bias = recorder.read(node.inputs[2]);
  o.y = recorder.write(node.outputs[0]);
  if (has_output(node, 1)) o.means = recorder.write(node.outputs[1]);
  if (has_output(node, 2)) o.deviations = recorder.write(node.outputs[2]);
  return o;
}

std::uint32_t flags_of(const Node& node) {
  return kScale | (has_input(node, 2) ? kBias : 0) | (has_output(node, 1) ? kMeans : 0) |
         (has_output(node, 2) ? kDeviations : 0);
}

template <Rows what>
void emit_layer(Recorder& recorder, const Node& node) {
  const Graph& graph = recorder.graph();
  const std::int64_t length = row_length(graph, node);
  Layout layout = in_order(input_shape(graph, node, 0).elements() / length, length);
  layout.epsilon = engine::epsilon(node.attributes);
  layout.s_step = input_shape(graph, node, 1).elements() == 1 ? 0 : 1;
  add_rows(recorder, what, flags_of(node), layout, normalised(recorder, node));
}

bool supports_groups(const Graph& graph, const Node& node) {
  return input_shape(graph, node, 1) == input_shape(graph, node, 2);
}

void emit_groups(Recorder& recorder, const Node& node) {
  const Shape& shape = input_shape(recorder.graph(), node, 0);
  const std::int64_t channels = shape[1], groups = node.attributes.integer("num_groups", channels),
                     plane = shape.elements(2, shape.rank()), together = channels / groups;
  const bool per_channel = input_shape(recorder.graph(), node, 1)[0] == channels;
  Layout layout = in_order(shape[0] * groups, together * plane);
  layout.epsilon = engine::epsilon(node.attributes);
  layout.s_rows = word(groups);
  layout.s_row = per_channel ? word(together) : 1;
  layout.s_by = word(plane);
  layout.s_step = per_channel ? 1 : 0;
  add_rows(recorder, Rows::centred, flags_of(node), layout, normalised(recorder, node));
}

void emit_batch_training(Recorder& recorder, const Node& node) {
  const Shape& shape = input_shape(recorder.graph(), node, 0);
  const std::int64_t channels = shape[1], plane = shape.elements(2, shape.rank());
  Layout layout = in_order(channels, shape[0] * plane);
  layout.outer = layout.run = word(plane);
  layout.far = word(channels * plane);
  layout.epsilon = engine::epsilon(node.attributes);
  layout.momentum = node.attributes.get<float>("momentum", 0.9f);
  layout.s_rows = word(channels);
  layout.s_row = 1;
  Operands operands = normalised(recorder, node);
  operands.mean = recorder.read(node.inputs[3]);
  operands.variance = recorder.read(node.inputs[4]);
  add_rows(recorder, Rows::centred, flags_of(node) | kRunning, layout, operands);
}

/// BatchNormalization as inference has it: (x - mean) / √(variance + epsilon) · scale + bias.
void batch_normalization(Expression& e, const Graph& graph, const Node& node) {
  const Shape& shape = input_shape(graph, node, 0);
  std::vector<std::int64_t> along(shape.rank() - 1, 1);
  along[0] = shape[1];
  const auto parameter = [&](std::size_t i) { return e.in(node.inputs[i], Shape(along)); };
  const Term spread =
      e.step(Code::sqrt, e.step(Code::add, parameter(4), e.number(engine::epsilon(node.attributes))));
  const Term centred = e.step(Code::sub, e.in(node.inputs[0]), parameter(3));
  const Term factor = e.step(Code::div, parameter(1), spread);
  e.define(node.outputs[0], e.step(Code::multiply_add, centred, factor, parameter(2)));
}

}  // namespace

void add_softmax(Recorder& recorder, std::int64_t rows, std::int64_t length, Slot x, Slot y) {
  add_rows(recorder, Rows::softmax, 0, in_order(rows, length), only(recorder, x, y));
}

extern const std::array<Kernel, 9> row_kernels;
const std::array<Kernel, 9> row_kernels{
    Kernel{.op = "Softmax", .emit = emit_softmax<Rows::softmax>},
    Kernel{.op = "LogSoftmax", .emit = emit_softmax<Rows::log_softmax>},
    Kernel{.op = "SoftmaxCrossEntropy", .emit = emit_cross_entropy},
    Kernel{.op = "LayerNormalization", .supports = supports_layer, .emit = emit_layer<Rows::centred>},
    Kernel{.op = "RMSNormalization", .supports = supports_layer, .emit = emit_layer<Rows::scaled>},
    Kernel{.op = "InstanceNormalization", .supports = supports_groups, .emit = emit_groups},
    Kernel{.op = "GroupNormalization", .supports = supports_groups, .emit = emit_groups},
    Kernel{.op = "BatchNormalizationTraining", .emit = emit_batch_training},
    Kernel{.op = "BatchNormalization", .express = batch_normalization},
};

}  // namespace dormouse::drivers::vulkan
