#include <algorithm>

#include "engine/ops/element_indexing.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_element_indices(context);
  require_scatter_types(context, 1, 2);
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  if (context.has_shape(1) && context.has_shape(2))
    context.require(context.shape(1).rank() == context.shape(2).rank() &&
                        (!context.shape(1).is_static() || !context.shape(2).is_static() ||
                         context.shape(1) == context.shape(2)),
                    "indices and updates differ in shape");
  context.set_output(0, context.dtype(0), context.shape(0));
}

struct Compute {
  template <class T>
  static void run(const KernelContext& context) noexcept {
    const Scatter how = scatter_of(context.attributes);
    const T* const updates = context.in<T>(2).data();
    T* const out = context.out<T>(0).data();
    if (context.inputs[0].data != context.outputs[0].data)
      std::ranges::copy(context.in<T>(0), context.out<T>(0).begin());
    for_element_indices(context, [&](std::int64_t to, std::int64_t from) {
      out[to] = scattered(how, out[to], updates[from]);
    });
  }
};

Gradients gradient(const GradientContext& context) {
  const Value upstream = context.upstream(), indices = context.input(1);
  const Attributes axis{{"axis", context.attributes().integer("axis", 0)}};
  const Value updates = apply("GatherElements", {upstream, indices}, axis);
  switch (scatter_of(context.attributes())) {
    case Scatter::add:
      return {upstream, Value{}, updates};
    case Scatter::replace:
      return {apply("ScatterElements", {upstream, indices, zeros_like(context.input(2))}, axis), Value{},
              updates};
    default:
      throw Failure(Errc::unsupported, "ScatterElements: only reductions none and add have a gradient");
  }
}

Attributes along(std::int64_t axis, std::string reduction) {
  return {{"axis", axis}, {"reduction", std::move(reduction)}};
}

}  // namespace

namespace ops {
/// Indices outside the axis are refused when they are known in advance; found at run time they write nothing.
extern const Op scatter_elements{
    .name = "ScatterElements",
    .since = 11,
    .min_inputs = 3,
    .max_inputs = 3,
    .infer = infer,
    .kernels = scatter_kernels<Compute>(),
    .gradient = gradient,
    .in_place = true,
    .samples = {{.shapes = {{3, 4}, {2, 3}, {2, 3}},
                 .fixed = {{1, Tensor::from<std::int64_t>({2, 3}, {0, -1, 1, 1, 0, 2})}}},
                {.shapes = {{2, 4}, {2, 3}, {2, 3}},
                 .attributes = along(-1, "add"),
                 .fixed = {{1, Tensor::from<std::int64_t>({2, 3}, {0, 3, 3, 1, 1, 1})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
