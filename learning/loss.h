#pragma once

#include "config/binder.h"
#include "engine/value.h"

namespace dormouse::learning {

using engine::Value;

enum class LossKind { cross_entropy, binary_cross_entropy, mse, mae, huber };

struct LossOptions {
  LossKind kind = LossKind::cross_entropy;
  double smoothing = 0;    ///< share of a target that is spread over all classes (cross-entropies)
  double huber_delta = 1;  ///< where huber turns from squares to lines
};

/// Appends the mean over rows, weighted by `weights` [N], of the loss of `answers` [N, K] against `targets`
/// [N, K]; a scalar.
///
/// cross_entropy: -Σ targets · log softmax(answers); targets are probabilities, rows sum to 1.
/// binary_cross_entropy: of sigmoid(answers) against probabilities, mean over K.
/// mse, mae, huber: (a - t)², |a - t|, and e²/2 up to delta, delta · (|e| - delta/2) beyond; mean over K.
Value append_loss(const LossOptions& options, Value answers, Value targets, Value weights);

/// Appends T² · the mean over rows of KL(softmax(teacher / T) ‖ softmax(student / T)), of logits [N, K]
/// (Hinton, Vinyals & Dean 2015).
Value append_distillation(Value student, Value teacher, double temperature);

}  // namespace dormouse::learning
