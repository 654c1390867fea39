#include "engine/ops/nd_indexing.h"
#include "engine/ops/slices.h"

/// GatherNDGrad(dy, indices, like data), attribute batch_dims: dy added to the slices it was gathered from.
/// Of `data` only the shape is read; indices outside their axis add nothing.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  require_index_type(context, 1);
  check_attribute<std::int64_t>(context, "batch_dims");
  if (!context.has_shape(2)) return context.set_output(0, context.dtype(0));
  if (context.has_shape(0) && context.has_shape(1))
    require_gathered(context, nd_gathered_shape(context, context.shape(2), 1));
  context.set_output(0, context.dtype(0), context.shape(2));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  add_slices<T>(context, NdIndexing(context, 2, 1));
}

Gradients gradient(const GradientContext& context) {
  return {apply("GatherND", {context.upstream(), context.input(1)}, context.attributes())};
}

}  // namespace

namespace ops {
extern const Op gather_nd_grad{.name = "GatherNDGrad",
                               .domain = "dormouse",
                               .min_inputs = 3,
                               .max_inputs = 3,
                               .infer = infer,
                               .kernels = kernels<float, double>(compute<float>, compute<double>),
                               .gradient = gradient,
                               .samples = {{.shapes = {{3, 2}, {3, 1}, {4, 2}},
                                            .fixed = {{1, Tensor::from<std::int64_t>({3, 1}, {0, -1, 0})}},
                                            .frozen = {2}}}};
}  // namespace ops

}  // namespace dormouse::engine
