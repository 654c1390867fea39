#include "engine/ops/depth_space.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  const std::int64_t block = block_size(context);
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  Shape shape = context.shape(0);
  for (const std::size_t d : {2, 3}) {
    if (shape[d] == kDynamic) continue;
    context.require(shape[d] % block == 0, "height or width is not a multiple of blocksize");
    shape[d] /= block;
  }
  context.require(shape[1] <= kMaxElements, "an extent is out of range");
  if (shape[1] != kDynamic) shape[1] *= block * block;
  set_checked_output(context, 0, context.dtype(0), std::move(shape));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  move_depth_space<T>(context, context.shape(0), 0, 1);
}

Gradients gradient(const GradientContext& context) {
  return {apply("DepthToSpace", {context.upstream()}, context.attributes())};
}

}  // namespace

namespace ops {
extern const Op space_to_depth{
    .name = "SpaceToDepth",
    .infer = infer,
    .kernels = moving_kernels(compute<std::uint8_t>, compute<std::uint16_t>, compute<std::uint32_t>,
                              compute<std::uint64_t>),
    .gradient = gradient,
    .samples = {{.shapes = {{2, 2, 4, 6}}, .attributes = {{"blocksize", std::int64_t{2}}}},
                {.shapes = {{1, 2, 2, 4}},
                 .attributes = {{"blocksize", std::int64_t{2}}, {"mode", std::string("CRD")}}}}};
}  // namespace ops

}  // namespace dormouse::engine
