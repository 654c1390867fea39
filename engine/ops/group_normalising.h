#pragma once

#include "engine/op.h"

/// What InstanceNormalization and GroupNormalization share: the channels of x [N, C, …] fall into groups,
/// each normalised for itself in every image, then scaled and shifted.
namespace dormouse::engine {

/// Checks x against scale and bias (inputs 1 and 2), which have one value per channel, or one per group;
/// `groups` is 0 for one channel a group. The output is like x.
void infer_group_normalisation(InferContext& context, std::int64_t groups);

Kernels group_normalisation_kernels();

Gradients group_normalisation_gradient(const GradientContext& context);

}  // namespace dormouse::engine
