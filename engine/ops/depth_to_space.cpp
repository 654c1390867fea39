#include "engine/ops/depth_space.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  const std::int64_t block = block_size(context);
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  Shape shape = context.shape(0);
  if (shape[1] != kDynamic) {
    context.require(shape[1] % (block * block) == 0, "the channels are not a multiple of blocksize²");
    shape[1] /= block * block;
  }
  for (const std::size_t d : {2, 3}) {
    context.require(shape[d] <= kMaxElements, "an extent is out of range");
    if (shape[d] != kDynamic) shape[d] *= block;
  }
  set_checked_output(context, 0, context.dtype(0), std::move(shape));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  move_depth_space<T>(context, context.output_shape(0), 1, 0);
}

Gradients gradient(const GradientContext& context) {
  return {apply("SpaceToDepth", {context.upstream()}, context.attributes())};
}

}  // namespace

namespace ops {
extern const Op depth_to_space{
    .name = "DepthToSpace",
    .infer = infer,
    .kernels = moving_kernels(compute<std::uint8_t>, compute<std::uint16_t>, compute<std::uint32_t>,
                              compute<std::uint64_t>),
    .gradient = gradient,
    .samples = {{.shapes = {{2, 8, 2, 3}}, .attributes = {{"blocksize", std::int64_t{2}}}},
                {.shapes = {{1, 4, 2, 2}},
                 .attributes = {{"blocksize", std::int64_t{2}}, {"mode", std::string("CRD")}}}}};
}  // namespace ops

}  // namespace dormouse::engine
