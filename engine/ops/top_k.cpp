#include <algorithm>
#include <numeric>
#include <optional>

#include "engine/kernels/lines.h"
#include "engine/ops/scattering.h"
#include "engine/ops/types.h"

namespace dormouse::engine {
namespace {

void set_outputs(InferContext& context, const std::optional<Shape>& shape) {
  const DType types[] = {context.dtype(0), DType::i64};
  for (std::size_t i = 0; i < 2; ++i) {
    if (shape)
      context.set_output(i, types[i], *shape);
    else
      context.set_output(i, types[i]);
  }
}

void infer(InferContext& context) {
  check_attribute<std::int64_t>(context, "largest");
  check_attribute<std::int64_t>(context, "sorted");
  const std::int64_t axis = context.attributes().integer("axis", -1);
  const IntegerList k = integer_list(context, "k", 1);
  if (!context.has_shape(0) || !k.known) return set_outputs(context, std::nullopt);
  Shape shape = context.shape(0);
  const std::size_t along = context.axis(axis, shape.rank());
  context.require(k.values.size() == 1 && k.values[0] >= 0, "k is not one number of at least 0");
  context.require(shape[along] == kDynamic || k.values[0] <= shape[along],
                  "k is larger than the axis has elements");
  context.require(k.values[0] <= kMaxElements, "k is out of range");
  shape[along] = k.values[0];
  set_outputs(context, shape);
}

// A total order even with NaN, which counts as the largest; equal elements keep theirs.
template <class T>
bool ahead(T a, T b, bool largest) {
  if (a != a || b != b) return largest ? a != a && b == b : b != b && a == a;
  return largest ? a > b : a < b;
}

// The indices of the first k elements of a line, in order.
template <class T>
void select(const T* x, std::int64_t step, bool largest, std::vector<std::int64_t>& order, std::int64_t k) {
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::partial_sort(order.begin(), order.begin() + k, order.end(), [&](std::int64_t a, std::int64_t b) {
    const T first = x[a * step], second = x[b * step];
    return ahead(first, second, largest) || (!ahead(second, first, largest) && a < b);
  });
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const std::size_t axis = axis_index(context.attributes.integer("axis", -1), shape.rank());
  const Lines from(shape, axis), to(context.output_shape(0), axis);
  const bool largest = context.attributes.integer("largest", 1) != 0;
  const bool indexed = context.outputs.size() > 1 && context.outputs[1].present();
  std::vector<std::int64_t> order(static_cast<std::size_t>(from.length));
  from.each([&](std::int64_t first, std::int64_t number) {
    const T* const x = context.in<T>(0).data() + first;
    select(x, from.inner_count, largest, order, to.length);
    std::int64_t target = number / to.inner_count * to.length * to.inner_count + number % to.inner_count;
    for (std::int64_t i = 0; i < to.length; ++i, target += to.inner_count) {
      const std::int64_t index = order[static_cast<std::size_t>(i)];
      context.out<T>(0)[static_cast<std::size_t>(target)] = x[index * from.inner_count];
      if (indexed) context.out<std::int64_t>(1)[static_cast<std::size_t>(target)] = index;
    }
  });
}

// Back to where the elements came from.
Gradients gradient(const GradientContext& context) {
  const Node& node = context.node();
  Value places = node.outputs.size() > 1 ? context.output(1) : Value{};
  if (!places) {
    Graph& graph = context.graph();
    places = {&graph, graph.add_node(*node.op, node.inputs, node.attributes, {"", ""})[1]};
  }
  return {apply("ScatterElements", {zeros_like(context.input(0)), places, context.upstream()},
                {{"axis", context.attributes().integer("axis", -1)}})};
}

}  // namespace

namespace ops {
/// Sorted even when `sorted` = 0 asks for any order.
extern const Op top_k{
    .name = "TopK",
    .since = 10,
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 2,
    .infer = infer,
    .kernels = kernels_for(Numeric{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = {{.shapes = {{2, 5}, {1}}, .fixed = {{1, Tensor::from<std::int64_t>({1}, {3})}}},
                {.shapes = {{4, 2}, {1}},
                 .attributes = {{"axis", std::int64_t{0}}, {"largest", std::int64_t{0}}},
                 .fixed = {{1, Tensor::from<std::int64_t>({1}, {2})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
