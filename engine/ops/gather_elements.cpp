#include <algorithm>

#include "engine/ops/element_indexing.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_element_indices(context);
  if (!context.has_shape(1)) return context.set_output(0, context.dtype(0));
  set_checked_output(context, 0, context.dtype(0), context.shape(1));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const T* const data = context.in<T>(0).data();
  T* const out = context.out<T>(0).data();
  std::ranges::fill(context.out<T>(0), T{0});  // what an index outside the axis gathers
  for_element_indices(context, [&](std::int64_t from, std::int64_t to) { out[to] = data[from]; });
}

Gradients gradient(const GradientContext& context) {
  return {apply("ScatterElements", {zeros_like(context.input(0)), context.input(1), context.upstream()},
                {{"axis", context.attributes().integer("axis", 0)}, {"reduction", std::string("add")}})};
}

}  // namespace

namespace ops {
/// Indices outside the axis are refused when they are known in advance; found at run time they gather zeros.
extern const Op gather_elements{
    .name = "GatherElements",
    .since = 11,
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer,
    .kernels = moving_kernels(compute<std::uint8_t>, compute<std::uint16_t>, compute<std::uint32_t>,
                              compute<std::uint64_t>),
    .gradient = gradient,
    .samples = {{.shapes = {{3, 4}, {2, 4}},
                 .fixed = {{1, Tensor::from<std::int64_t>({2, 4}, {0, -1, 0, 2, 2, 2, 1, 0})}}},
                {.shapes = {{2, 3, 2}, {2, 2, 1}},
                 .attributes = {{"axis", std::int64_t{1}}},
                 .fixed = {{1, Tensor::from<std::int64_t>({2, 2, 1}, {0, 0, 2, -2})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
