#include <algorithm>

#include "engine/ops/nd_indexing.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  require_scatter_types(context, 1, 2);
  context.require(!context.attributes().has("batch_dims"), "has no batch_dims");
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  if (context.has_shape(1) && context.has_shape(2)) {
    const Shape indexed = nd_gathered_shape(context, context.shape(0), 1);
    const Shape& updates = context.shape(2);
    context.require(indexed.rank() == updates.rank() &&
                        (!indexed.is_static() || !updates.is_static() || indexed == updates),
                    "updates have not the shape of what the indices name, " + to_string(indexed));
  }
  context.set_output(0, context.dtype(0), context.shape(0));
}

struct Compute {
  template <class T>
  static void run(const KernelContext& context) noexcept {
    const NdIndexing indexing(context, 0, 1);
    const Scatter how = scatter_of(context.attributes);
    T* const out = context.out<T>(0).data();
    if (context.inputs[0].data != context.outputs[0].data)
      std::ranges::copy(context.in<T>(0), context.out<T>(0).begin());
    indexing.each([&](std::int64_t slice, std::int64_t number) {
      if (slice < 0) return;
      T* const to = out + slice * indexing.inner;
      const T* const from = context.in<T>(2).data() + number * indexing.inner;
      for (std::int64_t i = 0; i < indexing.inner; ++i) to[i] = scattered(how, to[i], from[i]);
    });
  }
};

Gradients gradient(const GradientContext& context) {
  const Value upstream = context.upstream(), indices = context.input(1);
  const Value updates = apply("GatherND", {upstream, indices});
  switch (scatter_of(context.attributes())) {
    case Scatter::add:
      return {upstream, Value{}, updates};
    case Scatter::replace:
      return {apply("ScatterND", {upstream, indices, zeros_like(context.input(2))}), Value{}, updates};
    default:
      throw Failure(Errc::unsupported, "ScatterND: only reductions none and add have a gradient");
  }
}

}  // namespace

namespace ops {
/// Indices outside their axis are refused when they are known in advance; found at run time they write
/// nothing.
extern const Op scatter_nd{
    .name = "ScatterND",
    .since = 11,
    .min_inputs = 3,
    .max_inputs = 3,
    .infer = infer,
    .kernels = scatter_kernels<Compute>(),
    .gradient = gradient,
    .in_place = true,
    .samples = {
        {.shapes = {{4, 2}, {2, 1}, {2, 2}}, .fixed = {{1, Tensor::from<std::int64_t>({2, 1}, {3, -3})}}},
        {.shapes = {{2, 3}, {3, 2}, {3}},
         .attributes = {{"reduction", std::string("add")}},
         .fixed = {{1, Tensor::from<std::int64_t>({3, 2}, {0, 0, 1, 2, 0, 0})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
