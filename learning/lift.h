#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/published.h"
#include "learning/statistics.h"

namespace dormouse::learning {

/// Random ReLU features of a standardised latent: relu([latent, 1]·L), L drawn from `seed` (Rahimi and Recht
/// 2008; as "extreme learning machine", Huang 2006). A linear head on them is a nonlinear one on the latent.
///
/// A feature is relu(w·z + b), z standardised by `scale`, w normal with variance 1/D, b uniform in [-1, 1];
/// f32 [D + 1, features], the scale folded in. Regenerated when needed, never stored.
std::shared_ptr<const Tensor> random_lift(const LatentScale& scale, std::size_t features, std::uint64_t seed);

std::vector<float> lifted(const Tensor& lift, std::span<const float> latent);
LabelledLatents lifted(const Tensor& lift, const LabelledLatents& data);

}  // namespace dormouse::learning
