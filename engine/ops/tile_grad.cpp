#include <algorithm>

#include "engine/ops/tiling.h"

/// TileGrad(dy, like x, repeats): dy summed over the tiles. Of `x` only the shape is read.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  if (!context.has_shape(1)) return context.set_output(0, context.dtype(0));
  if (context.has_shape(0)) {
    const Shape &tiled = context.shape(0), &tile = context.shape(1);
    context.require(tiled.rank() == tile.rank(), "the gradient and the input differ in rank");
    for (std::size_t d = 0; d < tile.rank(); ++d)
      if (tile[d] > 0 && tiled[d] != kDynamic)
        context.require(tiled[d] % tile[d] == 0, "the gradient is not made of whole tiles");
  }
  context.set_output(0, context.dtype(0), context.shape(1));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const T* const dy = context.in<T>(0).data();
  T* const dx = context.out<T>(0).data();
  std::ranges::fill(context.out<T>(0), T{0});
  tile_loop(context.shape(1), context.shape(0))
      .rows([&](std::int64_t length, const auto& offset, const auto& step) {
        for (std::int64_t i = 0; i < length; ++i) dx[offset[0] + i * step[0]] += dy[offset[1] + i * step[1]];
      });
}

Gradients gradient(const GradientContext& context) {
  return {apply("Tile", {context.upstream(), context.input(2)})};
}

}  // namespace

namespace ops {
extern const Op tile_grad{.name = "TileGrad",
                          .domain = "dormouse",
                          .min_inputs = 3,
                          .max_inputs = 3,
                          .infer = infer,
                          .kernels = kernels<float, double>(compute<float>, compute<double>),
                          .gradient = gradient,
                          .samples = {{.shapes = {{4, 9}, {2, 3}, {2}},
                                       .fixed = {{2, Tensor::from<std::int64_t>({2}, {2, 3})}},
                                       .frozen = {1}}}};
}  // namespace ops

}  // namespace dormouse::engine
