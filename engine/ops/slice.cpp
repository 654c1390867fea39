#include "engine/kernels/strided.h"
#include "engine/ops/slicing.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  const auto cuts = infer_cuts(context, context.shape(0), 1);
  if (!cuts) return context.set_output(0, context.dtype(0));
  Shape out;
  for (const Cut& cut : *cuts) out.push_back(cut.count);
  context.set_output(0, context.dtype(0), std::move(out));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const CutLayout from = layout(cuts_of(context, context.shape(0), 1), context.shape(0));
  const Shape& shape = context.output_shape(0);
  T* const out = context.out<T>(0).data();
  StridedLoop<2>(shape, {strides(shape), from.strides})
      .rows([&](std::int64_t length, const auto& offset, const auto& step) {
        const T* const in = context.in<T>(0).data() + from.offset + offset[1];
        for (std::int64_t i = 0; i < length; ++i) out[offset[0] + i] = in[i * step[1]];
      });
}

Gradients gradient(const GradientContext& context) {
  std::vector<ValueId> inputs = context.node().inputs;
  inputs.insert(inputs.begin(), context.upstream().id);  // then x and the lists
  Graph& graph = context.graph();
  return {
      Value{&graph, graph.add_node(*find_op("dormouse", "SliceGrad"), inputs, context.attributes()).front()}};
}

}  // namespace

namespace ops {
extern const Op slice{
    .name = "Slice",
    .max_inputs = 5,
    .infer = infer,
    .kernels = moving_kernels(compute<std::uint8_t>, compute<std::uint16_t>, compute<std::uint32_t>,
                              compute<std::uint64_t>),
    .gradient = gradient,
    .samples = {{.shapes = {{5, 6}, {2}, {2}, {2}, {2}},
                 .fixed = {{1, row_of<std::int64_t>({1, -1})},
                           {2, row_of<std::int64_t>({4, -7})},
                           {3, row_of<std::int64_t>({0, 1})},
                           {4, row_of<std::int64_t>({1, -2})}}},
                {.shapes = {{5, 6}, {1}, {1}},
                 .fixed = {{1, row_of<std::int64_t>({2})}, {2, row_of<std::int64_t>({INT64_MAX})}}},
                {.shapes = {{5, 6}},
                 .attributes = {{"starts", std::vector<std::int64_t>{1}},
                                {"ends", std::vector<std::int64_t>{3}},
                                {"axes", std::vector<std::int64_t>{1}}}}}};
}  // namespace ops

}  // namespace dormouse::engine
