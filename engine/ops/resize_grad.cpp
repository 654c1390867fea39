#include <algorithm>

#include "engine/ops/resizing.h"

/// ResizeGrad(dy, like x, roi, scales, sizes), attributes of Resize: each dy goes back to what it was made
/// of. Of `x` only the shape is read.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_resize(context, 2);
  if (!context.has_shape(1)) return context.set_output(0, context.dtype(0));
  const Shape& x = context.shape(1);
  const std::optional<Shape> y = resized_shape(context, x, 2);
  if (y && context.has_shape(0))
    context.require(context.shape(0).rank() == y->rank() &&
                        (!y->is_static() || !context.shape(0).is_static() || *y == context.shape(0)),
                    "the gradient has not the shape of what was resized");
  context.set_output(0, context.dtype(0), x);
}

// Of the largest tensor between two dimensions, the first dimension first.
std::int64_t intermediate(const Shape& x, const Shape& y) {
  std::int64_t largest = x.elements();
  for (std::size_t d = 1; d < x.rank(); ++d)
    largest = std::max(largest, x.elements(0, d) * y.elements(d, y.rank()));
  return largest;
}

std::size_t scratch(const KernelContext& context) {
  const std::int64_t elements = intermediate(context.shape(1), context.shape(0));
  return 2 * static_cast<std::size_t>(elements) * size_of(context.inputs[0].dtype);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& x = context.shape(1);
  const Shape& y = context.shape(0);
  const std::vector<Resampling> how = resamplings(context, x, y, 2);
  T* spare[2] = {reinterpret_cast<T*>(context.scratch.data()), nullptr};
  spare[1] = spare[0] + intermediate(x, y);
  const T* from = context.in<T>(0).data();
  for (std::size_t d = 0; d < x.rank(); ++d) {
    if (how[d].is_identity(x[d])) continue;
    resample_back(how[d], x.elements(0, d), x[d], y.elements(d + 1, y.rank()), from, spare[0]);
    from = spare[0];
    std::swap(spare[0], spare[1]);
  }
  std::copy_n(from, x.elements(), context.out<T>(0).data());
}

// What was extrapolated is a constant: its derivative is 0.
Gradients gradient(const GradientContext& context) {
  std::vector<ValueId> inputs = context.node().inputs;
  inputs.erase(inputs.begin());
  inputs.front() = context.upstream().id;
  Attributes attributes = context.attributes();
  attributes.set("extrapolation_value", 0.0f);
  Graph& graph = context.graph();
  return {Value{&graph, graph.add_node(*find_op("", "Resize"), inputs, attributes).front()}};
}

}  // namespace

namespace ops {
extern const Op resize_grad{
    .name = "ResizeGrad",
    .domain = "dormouse",
    .min_inputs = 2,
    .max_inputs = 5,
    .infer = infer,
    .kernels = kernels<float, double>(compute<float>, compute<double>),
    .gradient = gradient,
    .scratch = scratch,
    .samples = {{.shapes = {{2, 6}, {2, 4}, {0}, {2}},
                 .attributes = {{"mode", std::string("linear")}},
                 .fixed = {{2, Tensor::from<float>({0}, {})}, {3, Tensor::from<float>({2}, {1, 1.5f})}},
                 .frozen = {1}}}};
}  // namespace ops

}  // namespace dormouse::engine
