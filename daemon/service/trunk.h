#pragma once

#include "daemon/service/model_parts.h"

namespace dormouse::daemon {

/// One input of a model that learns, with a batch of one. Throws Failure(configuration) when it has several
/// inputs, or one that is not f32 of a shape that is fixed but for the batch: such a trunk cannot move.
engine::Shape one_input(const ModelParts& parts);

/// From inputs that are flattened to rows, f32 [N, elements], to the value: the latent, or the logits.
enum class Until { latent, logits };
engine::Graph graph_of_rows(const ModelParts& parts, const learning::Version* version, Until until);

/// Input → latent with this version's weights (none: as shipped).
std::unique_ptr<const engine::Session> trunk_of(const ModelParts& parts, const learning::Version* version);

/// The seed as this version's trunk sees it. Throws Failure(configuration) when the seed keeps no inputs.
learning::Seed seed_seen_by(const ModelParts& parts, const learning::Version& version);

}  // namespace dormouse::daemon
