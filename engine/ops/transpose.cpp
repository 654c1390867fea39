#include "engine/kernels/strided.h"
#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

std::vector<std::int64_t> permutation(const Attributes& attributes, std::size_t rank) {
  std::vector<std::int64_t> order = attributes.integers("perm");
  if (order.empty())
    for (std::size_t d = rank; d-- > 0;) order.push_back(static_cast<std::int64_t>(d));
  return order;
}

void infer(InferContext& context) {
  check_attribute<std::vector<std::int64_t>>(context, "perm");
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  const Shape& in = context.shape(0);
  const std::vector<std::int64_t> order = permutation(context.attributes(), in.rank());
  context.require(order.size() == in.rank(), "perm has not as many entries as the input has dimensions");
  axis_mask(context, order, in.rank());
  Shape out;
  for (const std::int64_t axis : order) {
    context.require(axis >= 0, "perm has a negative entry");
    out.push_back(in[static_cast<std::size_t>(axis)]);
  }
  context.set_output(0, context.dtype(0), std::move(out));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& in = context.shape(0);
  const std::vector<std::int64_t> own = strides(in);
  std::vector<std::int64_t> from;
  for (const std::int64_t axis : permutation(context.attributes, in.rank()))
    from.push_back(own[static_cast<std::size_t>(axis)]);
  const T* const source = context.in<T>(0).data();
  T* const target = context.out<T>(0).data();
  StridedLoop<2>(context.output_shape(0), {strides(context.output_shape(0)), from})
      .rows([&](std::int64_t length, const auto& offset, const auto& step) {
        for (std::int64_t i = 0; i < length; ++i) target[offset[0] + i] = source[offset[1] + i * step[1]];
      });
}

Gradients gradient(const GradientContext& context) {
  const std::vector<std::int64_t> order = permutation(context.attributes(), context.input(0).shape().rank());
  std::vector<std::int64_t> inverse(order.size());
  for (std::size_t d = 0; d < order.size(); ++d)
    inverse[static_cast<std::size_t>(order[d])] = static_cast<std::int64_t>(d);
  return {transpose(context.upstream(), inverse)};
}

}  // namespace

namespace ops {
extern const Op transpose{
    .name = "Transpose",
    .infer = infer,
    .kernels = moving_kernels(compute<std::uint8_t>, compute<std::uint16_t>, compute<std::uint32_t>,
                              compute<std::uint64_t>),
    .gradient = gradient,
    .samples = {{.shapes = {{2, 3, 4}}},
                {.shapes = {{2, 3, 4, 5}}, .attributes = {{"perm", std::vector<std::int64_t>{0, 2, 3, 1}}}},
                {.shapes = {{2, 3, 4}}, .attributes = {{"perm", std::vector<std::int64_t>{2, 0, 1}}}}}};
}  // namespace ops

}  // namespace dormouse::engine
