#pragma once

#include <span>

#include "engine/published.h"
#include "learning/latents.h"

namespace dormouse::learning {

/// The temperature at which softmax(logits / T) has the least cross-entropy on these examples, by Newton's
/// method on 1/T, T in [0.01, 100]. It starts from `fallback`, which is also the answer without examples.
/// Examples whose class has no column, or that the head never names (kNever), are left out. Labels are
/// smoothed by label_doubt(), so that a few examples that are all right do not prove certainty.
float fit_temperature(const Tensor& logits, std::span<const ClassIndex> classes, float fallback);

/// The share of a held-out label that is spread over all classes: 1 / (n + 2), after Platt (1999).
inline double label_doubt(std::size_t examples) { return 1 / (double(examples) + 2); }

/// Fits the head's temperature on held-out examples and returns its logits there.
Tensor calibrate(engine::LinearHead& head, const LabelledLatents& held_out);

/// The logits of a head for many latents: f32 [N, C].
Tensor logits_of(const engine::LinearHead& head, const Tensor& latents);

/// Row-wise argmax.
std::vector<ClassIndex> predictions(const Tensor& logits);
/// The same among the first `classes` columns (at least one).
std::vector<ClassIndex> predictions_among(const Tensor& logits, std::size_t classes);

/// How much of `truth` a head names right; as many of both, at least one.
double share_right(std::span<const ClassIndex> named, std::span<const ClassIndex> truth);

/// Row-wise softmax(logits / temperature).
Tensor probabilities(const Tensor& logits, float temperature);

}  // namespace dormouse::learning
