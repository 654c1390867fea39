#include <algorithm>

#include "engine/ops/tiling.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  const IntegerList repeats = integer_list(context, "repeats", 1);
  if (!repeats.known || !context.has_shape(0)) return context.set_output(0, context.dtype(0));
  Shape shape = context.shape(0);
  context.require(repeats.values.size() == shape.rank(), "repeats has not one number per dimension");
  for (std::size_t d = 0; d < shape.rank(); ++d) {
    const std::int64_t times = repeats.values[d];
    context.require(times >= 0 && times <= kMaxElements, "a repeat is out of range");
    if (shape[d] == kDynamic) continue;
    context.require(shape[d] <= kMaxElements, "an extent is out of range");
    shape[d] *= times;
  }
  set_checked_output(context, 0, context.dtype(0), std::move(shape));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const T* const x = context.in<T>(0).data();
  T* const y = context.out<T>(0).data();
  tile_loop(context.shape(0), context.output_shape(0))
      .rows([&](std::int64_t length, const auto& offset, const auto& step) {
        T* const to = y + offset[1];
        const T* const from = x + offset[0];
        if (step[0] == 1 && step[1] == 1) {
          std::copy_n(from, length, to);
        } else {
          for (std::int64_t i = 0; i < length; ++i) to[i * step[1]] = from[i * step[0]];
        }
      });
}

Gradients gradient(const GradientContext& context) {
  return {apply("TileGrad", {context.upstream(), context.input(0), context.input(1)}, {}, "dormouse")};
}

}  // namespace

namespace ops {
extern const Op tile{
    .name = "Tile",
    .since = 6,
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer,
    .kernels = moving_kernels(compute<std::uint8_t>, compute<std::uint16_t>, compute<std::uint32_t>,
                              compute<std::uint64_t>),
    .gradient = gradient,
    .samples = {{.shapes = {{2, 3}, {2}}, .fixed = {{1, Tensor::from<std::int64_t>({2}, {2, 3})}}},
                {.shapes = {{2, 1, 3}, {3}}, .fixed = {{1, Tensor::from<std::int64_t>({3}, {1, 2, 1})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
