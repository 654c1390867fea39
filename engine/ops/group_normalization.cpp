#include "engine/ops/group_normalising.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  const std::int64_t groups = context.attributes().integer("num_groups", 0);
  context.require(groups >= 1, "num_groups is missing or not positive");
  if (context.attributes().integer("stash_type", 1) != 1) context.unsupported("stash_type other than f32");
  infer_group_normalisation(context, groups);
}

}  // namespace

namespace ops {
/// Scale and bias have one value per group, as in opset 18, or per channel, as later.
extern const Op group_normalization{
    .name = "GroupNormalization",
    .since = 18,
    .min_inputs = 3,
    .max_inputs = 3,
    .infer = infer,
    .kernels = group_normalisation_kernels(),
    .gradient = group_normalisation_gradient,
    .samples = {{.shapes = {{2, 4, 3}, {4}, {4}}, .attributes = {{"num_groups", std::int64_t{2}}}},
                {.shapes = {{2, 4, 2, 2}, {2}, {2}}, .attributes = {{"num_groups", std::int64_t{2}}}}}};
}  // namespace ops

}  // namespace dormouse::engine
