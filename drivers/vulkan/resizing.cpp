#include "engine/ops/resizing.h"

#include <array>

#include "drivers/vulkan/operands.h"
#include "drivers/vulkan/product.h"
#include "engine/kernel_call.h"

/// Resize and its gradient: along each axis the product with a constant matrix.
namespace dormouse::drivers::vulkan {
namespace {

using engine::Graph;
using engine::Node;
using engine::Resampling;
using engine::Shape;
using engine::Tensor;

/// x is resized to y, or the gradient of y goes back to x.
struct Resized {
  const Shape *x, *y;
  bool back;

  Resized(const Graph& graph, const Node& node, bool gradient)
      : x(&input_shape(graph, node, gradient ? 1 : 0)),
        y(gradient ? &input_shape(graph, node, 0) : &output_shape(graph, node)),
        back(gradient) {}
};

/// How each axis of x makes that of y; nothing unless that is known.
std::optional<std::vector<Resampling>> resampled(const Graph& graph, const Node& node, const Resized& r) {
  if (r.x->rank() == 0 || engine::is_crop(node.attributes)) return std::nullopt;
  const std::size_t first = r.back ? 2 : 1;
  std::vector<engine::View> inputs(first, {engine::DType::f32, r.x, nullptr});
  for (std::size_t i = first; i < node.inputs.size(); ++i) {
    if (has_input(node, i) && !constant(graph, node, i)) return std::nullopt;
    inputs.push_back(has_input(node, i) ? engine::view_of(*constant(graph, node, i)) : engine::View{});
  }
  const engine::View output{engine::DType::f32, r.y, nullptr};
  return engine::resamplings({inputs, {&output, 1}, node.attributes, {}}, *r.x, *r.y, first);
}

template <bool back>
bool supports(const Graph& graph, const Node& node) {
  constexpr std::int64_t kMostMatrix = 1 << 16, kMostOuter = 65535, kMostBetween = std::int64_t{1} << 28;
  const Resized r(graph, node, back);
  const auto how = resampled(graph, node, r);
  if (!how) return false;
  std::int64_t between = 1;
  for (std::size_t d = 0; d < how->size(); ++d) {
    const std::int64_t in = (*r.x)[d], out = (*r.y)[d];
    between *= std::max(in, out);
    if ((*how)[d].is_identity(in)) continue;
    const std::int64_t outer = (back ? r.y : r.x)->elements(0, d);
    if (in * out > kMostMatrix || outer > kMostOuter) return false;
  }
  return between <= kMostBetween;
}

/// [outputs, inputs] of the axis.
Tensor matrix(const Resampling& how, std::int64_t inputs) {
  Tensor result(engine::DType::f32, {how.outputs(), inputs});
  const auto to = result.mutable_values<float>();
  for (std::size_t i = 0; i + 1 < how.begin.size(); ++i)
    for (std::size_t tap = how.begin[i]; tap < how.begin[i + 1]; ++tap)
      to[i * static_cast<std::size_t>(inputs) + static_cast<std::size_t>(how.position[tap])] +=
          static_cast<float>(how.weight[tap]);
  return result;
}

/// One axis of `shape`, which it changes; `to` is given the result.
void add_axis(Recorder& recorder, const Resized& r, const Resampling& how, std::size_t d, Shape& shape,
              Slot from, Slot to) {
  const std::uint32_t in = word((*r.x)[d]), outer = word(shape.elements(0, d)),
                      inner = word(shape.elements(d + 1, shape.rank())), k = word(shape[d]);
  shape[d] = (r.back ? r.x : r.y)->extents()[d];
  const Slot table = recorder.constant(matrix(how, (*r.x)[d]));
  const std::uint32_t by_made = r.back ? 1 : in, by_read = r.back ? in : 1;
  Product p{.k = k};
  if (inner == 1) {
    p.m = outer, p.n = word(shape[d]);
    p.a_m = k, p.a_k = 1, p.b_k = by_read, p.b_n = by_made;
    return add_product(recorder, p, from, table, recorder.nothing(), to);
  }
  p.m = word(shape[d]), p.n = inner;
  p.a_m = by_made, p.a_k = by_read, p.b_k = inner, p.b_n = 1;
  p.batch[2] = outer, p.b_batch[2] = k * inner;
  add_product(recorder, p, table, from, recorder.nothing(), to);
}

template <bool back>
void emit(Recorder& recorder, const Node& node) {
  const Graph& graph = recorder.graph();
  const Resized r(graph, node, back);
  const std::vector<Resampling> how = *resampled(graph, node, r);
  std::vector<std::size_t> axes;
  for (std::size_t d = how.size(); d-- > 0;)
    if (!how[d].is_identity((*r.x)[d])) axes.push_back(d);
  Slot from = recorder.read(node.inputs[0]);
  if (axes.empty()) return recorder.alias(node.outputs[0], from);
  Shape shape = input_shape(graph, node, 0);
  for (const std::size_t d : axes) {
    const std::int64_t made = shape.elements() / shape[d] * (back ? r.x : r.y)->extents()[d];
    const Slot to =
        d == axes.back() ? recorder.write(node.outputs[0]) : recorder.temporary(device_bytes(made));
    add_axis(recorder, r, how[d], d, shape, from, to);
    from = to;
  }
}

}  // namespace

extern const std::array<Kernel, 2> resizing_kernels;
const std::array<Kernel, 2> resizing_kernels{
    Kernel{.op = "Resize", .supports = supports<false>, .emit = emit<false>},
    Kernel{.op = "ResizeGrad", .supports = supports<true>, .emit = emit<true>, .shapes = 2},
};

}  // namespace dormouse::drivers::vulkan
