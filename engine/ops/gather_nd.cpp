#include "engine/ops/nd_indexing.h"
#include "engine/ops/slices.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  require_index_type(context, 1);
  check_attribute<std::int64_t>(context, "batch_dims");
  if (!context.has_shape(0) || !context.has_shape(1)) return context.set_output(0, context.dtype(0));
  set_checked_output(context, 0, context.dtype(0), nd_gathered_shape(context, context.shape(0), 1));
}

void compute(const KernelContext& context) noexcept { gather_slices(context, NdIndexing(context, 0, 1)); }

Gradients gradient(const GradientContext& context) {
  return {apply("GatherNDGrad", {context.upstream(), context.input(1), context.input(0)},
                context.attributes(), "dormouse")};
}

}  // namespace

namespace ops {
/// Indices outside their axis are refused when they are known in advance; found at run time they gather
/// zeros.
extern const Op gather_nd{.name = "GatherND",
                          .since = 11,
                          .min_inputs = 2,
                          .max_inputs = 2,
                          .infer = infer,
                          .kernels = moving_kernels(compute, compute, compute, compute),
                          .gradient = gradient,
                          .samples = {{.shapes = {{2, 3, 2}, {2, 2}},
                                       .fixed = {{1, Tensor::from<std::int64_t>({2, 2}, {0, -1, 1, 0})}}},
                                      {.shapes = {{2, 3, 2}, {2, 1}},
                                       .attributes = {{"batch_dims", std::int64_t{1}}},
                                       .fixed = {{1, Tensor::from<std::int64_t>({2, 1}, {2, 0})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
