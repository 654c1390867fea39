#include <algorithm>

#include "engine/kernels/strided.h"
#include "engine/ops/slicing.h"

/// SliceGrad(dy, like x, then what Slice takes after x): dy where the slice was taken, zeros elsewhere. Of
/// `x` only the shape is read.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  if (!context.has_shape(1)) return context.set_output(0, context.dtype(0));
  const auto cuts = infer_cuts(context, context.shape(1), 2);
  if (cuts && context.has_shape(0)) {
    const Shape& dy = context.shape(0);
    context.require(dy.rank() == cuts->size(), "the gradient has not the rank of the slice");
    for (std::size_t d = 0; d < dy.rank(); ++d)
      context.require(compatible(dy[d], (*cuts)[d].count), "the gradient has not the shape of the slice");
  }
  context.set_output(0, context.dtype(0), context.shape(1));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape &shape = context.shape(0), &whole = context.output_shape(0);
  const CutLayout to = layout(cuts_of(context, whole, 2), whole);
  std::ranges::fill(context.out<T>(0), T{0});
  const T* const dy = context.in<T>(0).data();
  StridedLoop<2>(shape, {strides(shape), to.strides})
      .rows([&](std::int64_t length, const auto& offset, const auto& step) {
        T* const out = context.out<T>(0).data() + to.offset + offset[1];
        for (std::int64_t i = 0; i < length; ++i) out[i * step[1]] = dy[offset[0] + i];
      });
}

Gradients gradient(const GradientContext& context) {
  std::vector<ValueId> inputs = context.node().inputs;
  inputs.erase(inputs.begin());
  inputs[0] = context.upstream().id;
  Graph& graph = context.graph();
  return {Value{&graph, graph.add_node(*find_op("", "Slice"), inputs, context.attributes()).front()}};
}

}  // namespace

namespace ops {
extern const Op slice_grad{.name = "SliceGrad",
                           .domain = "dormouse",
                           .min_inputs = 2,
                           .max_inputs = 6,
                           .infer = infer,
                           .kernels = kernels<float, double>(compute<float>, compute<double>),
                           .gradient = gradient,
                           .samples = {{.shapes = {{3, 3}, {5, 6}, {2}, {2}, {2}, {2}},
                                        .fixed = {{2, row_of<std::int64_t>({1, -1})},
                                                  {3, row_of<std::int64_t>({4, -7})},
                                                  {4, row_of<std::int64_t>({0, 1})},
                                                  {5, row_of<std::int64_t>({1, -2})}},
                                        .frozen = {1}}}};
}  // namespace ops

}  // namespace dormouse::engine
