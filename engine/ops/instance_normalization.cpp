#include "engine/ops/group_normalising.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  context.require(!context.attributes().has("num_groups"), "has no num_groups");
  infer_group_normalisation(context, 0);
}

}  // namespace

namespace ops {
extern const Op instance_normalization{
    .name = "InstanceNormalization",
    .min_inputs = 3,
    .max_inputs = 3,
    .infer = infer,
    .kernels = group_normalisation_kernels(),
    .gradient = group_normalisation_gradient,
    .samples = {{.shapes = {{2, 3, 4, 2}, {3}, {3}}},
                {.shapes = {{2, 2, 5}, {2}, {2}}, .attributes = {{"epsilon", 0.125f}}}}};
}  // namespace ops

}  // namespace dormouse::engine
