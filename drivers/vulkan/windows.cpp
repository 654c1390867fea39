#include <array>

#include "drivers/vulkan/operands.h"
#include "drivers/vulkan/product.h"
#include "engine/ops/sliding.h"

/// What slides a window over images or signals: convolutions, pools, their gradients.
namespace dormouse::drivers::vulkan {
namespace {

using engine::Graph;
using engine::Node;
using engine::Shape;
using engine::SlidingWindow;

/// As in shaders/window.comp.
enum class Sliding : std::uint32_t { max, average, by_channel, max_grad, average_grad, by_channel_to_input };

/// Where x, the weights and y of a convolution stand among a node's values.
struct Convolved {
  const Shape *x, *w, *y;
};

Convolved forward(const Graph& graph, const Node& node) {
  return {&input_shape(graph, node, 0), &input_shape(graph, node, 1), &output_shape(graph, node)};
}
Convolved to_input(const Graph& graph, const Node& node) {
  return {&output_shape(graph, node), &input_shape(graph, node, 1), &input_shape(graph, node, 0)};
}
Convolved to_weight(const Graph& graph, const Node& node) {
  return {&input_shape(graph, node, 0), &output_shape(graph, node), &input_shape(graph, node, 1)};
}

SlidingWindow window(const Node& node, const Convolved& c) {
  return engine::window_of(node.attributes, *c.x, *c.y, std::span(c.w->extents()).subspan(2));
}

bool is_plane(const Shape& x) { return x.rank() == 3 || x.rank() == 4; }

std::int32_t small(std::int64_t value) { return static_cast<std::int32_t>(value); }

Window geometry(const Node& node, const Convolved& c) {
  const SlidingWindow s = window(node, c);
  const auto groups = node.attributes.integer("group", 1);
  return {.images = word((*c.x)[0]),
          .groups = word(groups),
          .c = word((*c.x)[1] / groups),
          .h = word(s.input[1]),
          .w = word(s.input[2]),
          .m = word((*c.y)[1] / groups),
          .oh = word(s.output[1]),
          .ow = word(s.output[2]),
          .kh = word(s.kernel[1]),
          .kw = word(s.kernel[2]),
          .sh = small(s.stride[1]),
          .sw = small(s.stride[2]),
          .dh = small(s.dilation[1]),
          .dw = small(s.dilation[2]),
          .ph = small(s.pad_begin[1]),
          .pw = small(s.pad_begin[2])};
}

void slide(Recorder& recorder, Sliding what, const SlidingWindow& s, std::uint32_t flags,
           std::uint32_t channels, std::uint32_t each, std::array<Slot, 3> in, Slot out, std::int64_t count) {
  Call call{.shader = Shader::window,
            .constants = {kThreads,
                          static_cast<std::uint32_t>(what),
                          word(s.input[1]),
                          word(s.input[2]),
                          word(s.output[1]),
                          word(s.output[2]),
                          word(s.kernel[1]),
                          word(s.kernel[2]),
                          word(s.stride[1]),
                          word(s.stride[2]),
                          word(s.dilation[1]),
                          word(s.dilation[2]),
                          word(s.pad_begin[1]),
                          word(s.pad_begin[2]),
                          word(s.pad_end[1]),
                          word(s.pad_end[2]),
                          flags,
                          channels,
                          each,
                          static_cast<std::uint32_t>(recorder.finish().what)},
            .slots = {in[0], in[1], in[2], out},
            .first_written = 3,
            .groups = groups_for(static_cast<std::size_t>(count), kThreads)};
  call.push.add(word(count)).add(recorder.finish().a).add(recorder.finish().b);
  recorder.add(std::move(call));
}

/// Each input channel for itself.
bool by_channel(const Window& w) { return w.c == 1 && w.groups > 1; }

template <Convolved (*of)(const Graph&, const Node&)>
bool supports_convolution(const Graph& graph, const Node& node) {
  return is_plane(*of(graph, node).x);
}

void emit_conv(Recorder& recorder, const Node& node) {
  const Convolved c = forward(recorder.graph(), node);
  const Window w = geometry(node, c);
  const Slot x = recorder.read(node.inputs[0]),
             weights = by_channel(w) ? recorder.read(node.inputs[1]) : recorder.read_factor(node.inputs[1]),
             bias = has_input(node, 2) ? recorder.read(node.inputs[2]) : recorder.nothing();
  const Slot y = recorder.write(node.outputs[0]);
  if (!by_channel(w)) return add_convolution(recorder, Convolving::forward, w, weights, x, bias, y);
  slide(recorder, Sliding::by_channel, window(node, c), has_input(node, 2) ? 2 : 0, w.groups, w.m,
        {x, weights, bias}, y, c.y->elements());
}

void emit_grad_input(Recorder& recorder, const Node& node) {
  const Convolved c = to_input(recorder.graph(), node);
  const Window w = geometry(node, c);
  const Slot dy = recorder.read(node.inputs[0]), weights = recorder.read(node.inputs[1]);
  const Slot dx = recorder.write(node.outputs[0]);
  if (!by_channel(w))
    return add_convolution(recorder, Convolving::to_input, w, weights, dy, recorder.nothing(), dx);
  slide(recorder, Sliding::by_channel_to_input, window(node, c), 0, w.groups, w.m,
        {dy, weights, recorder.nothing()}, dx, c.x->elements());
}

void emit_grad_weight(Recorder& recorder, const Node& node) {
  const Convolved c = to_weight(recorder.graph(), node);
  const Slot x = recorder.read(node.inputs[0]), dy = recorder.read(node.inputs[1]);
  add_convolution(recorder, Convolving::to_weight, geometry(node, c), dy, x, recorder.nothing(),
                  recorder.write(node.outputs[0]));
}

/// The window that pools x into y.
SlidingWindow pool(const Node& node, const Shape& x, const Shape& y) {
  return engine::window_of(node.attributes, x, y, node.attributes.integers("kernel_shape"));
}

bool supports_pool(const Graph& graph, const Node& node) {
  return is_plane(input_shape(graph, node, 0)) && node.outputs.size() == 1;
}

std::uint32_t counts_padding(const Node& node) {
  return node.attributes.integer("count_include_pad", 0) != 0;
}

template <Sliding what>
void emit_pool(Recorder& recorder, const Node& node) {
  const Graph& graph = recorder.graph();
  const Shape &x = input_shape(graph, node, 0), &y = output_shape(graph, node);
  const Slot in = recorder.read(node.inputs[0]), none = recorder.nothing();
  slide(recorder, what, pool(node, x, y), counts_padding(node), 1, 1, {in, none, none},
        recorder.write(node.outputs[0]), y.elements());
}

void emit_max_grad(Recorder& recorder, const Node& node) {
  const Graph& graph = recorder.graph();
  const Shape &x = input_shape(graph, node, 0), &y = input_shape(graph, node, 1);
  const Slot in = recorder.read(node.inputs[0]), dy = recorder.read(node.inputs[1]);
  slide(recorder, Sliding::max_grad, pool(node, x, y), 0, 1, 1, {in, dy, recorder.nothing()},
        recorder.write(node.outputs[0]), x.elements());
}

void emit_average_grad(Recorder& recorder, const Node& node) {
  const Graph& graph = recorder.graph();
  const Shape &x = output_shape(graph, node), &y = input_shape(graph, node, 0);
  const Slot dy = recorder.read(node.inputs[0]), none = recorder.nothing();
  slide(recorder, Sliding::average_grad, pool(node, x, y), counts_padding(node), 1, 1, {dy, none, none},
        recorder.write(node.outputs[0]), x.elements());
}

/// x · (bias + alpha · mean)^-beta with the mean of x² around each channel, padding counted: a pool along the
/// channels.
void emit_lrn(Recorder& recorder, const Node& node) {
  const Graph& graph = recorder.graph();
  const Shape& shape = input_shape(graph, node, 0);
  const std::int64_t size = node.attributes.integer("size", 0), channels = shape[1],
                     plane = shape.elements(2, shape.rank());
  const Slot x = recorder.read(node.inputs[0]), squares = recorder.temporary(device_bytes(shape.elements())),
             means = recorder.temporary(device_bytes(shape.elements())), none = recorder.nothing();
  Expression square(graph, shape);
  const Term root = square.in(x, shape);
  square.define(squares, square.step(Code::mul, root, root));
  square.emit(recorder);
  const SlidingWindow around{.input = {1, channels, plane},
                             .output = {1, channels, plane},
                             .kernel = {1, size, 1},
                             .pad_begin = {0, (size - 1) / 2, 0},
                             .pad_end = {0, size - 1 - (size - 1) / 2, 0}};
  constexpr std::uint32_t kCountsPadding = 1;
  slide(recorder, Sliding::average, around, kCountsPadding, 1, 1, {squares, none, none}, means,
        shape.elements());
  Expression e(graph, shape);
  const Term d =
      e.step(Code::multiply_add, e.in(means, shape), e.number(node.attributes.get<float>("alpha", 1e-4f)),
             e.number(node.attributes.get<float>("bias", 1)));
  const Term power = e.step(Code::pow, d, e.number(-node.attributes.get<float>("beta", 0.75f)));
  e.define(node.outputs[0], e.step(Code::mul, e.in(x, shape), power));
  e.emit(recorder);
}

}  // namespace

extern const std::array<Kernel, 8> window_kernels;
const std::array<Kernel, 8> window_kernels{
    Kernel{.op = "LRN", .emit = emit_lrn},
    Kernel{.op = "Conv", .supports = supports_convolution<forward>, .emit = emit_conv, .finishes = true},
    Kernel{.op = "ConvGradInput",
           .supports = supports_convolution<to_input>,
           .emit = emit_grad_input,
           .shapes = 4},
    Kernel{.op = "ConvGradWeight",
           .supports = supports_convolution<to_weight>,
           .emit = emit_grad_weight,
           .shapes = 4},
    Kernel{.op = "MaxPool", .supports = supports_pool, .emit = emit_pool<Sliding::max>},
    Kernel{.op = "AveragePool", .supports = supports_pool, .emit = emit_pool<Sliding::average>},
    Kernel{.op = "MaxPoolGrad", .supports = supports_pool, .emit = emit_max_grad},
    Kernel{.op = "AveragePoolGrad", .supports = supports_pool, .emit = emit_average_grad, .shapes = 2},
};

}  // namespace dormouse::drivers::vulkan
