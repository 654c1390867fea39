#pragma once

#include "config/binder.h"
#include "engine/value.h"

namespace dormouse::learning {

using engine::Value;

enum class LossKind { cross_entropy, binary_cross_entropy, mse, mae, huber };

/// Whether its targets are probabilities of classes.
inline bool is_of_classes(LossKind kind) {
  return kind == LossKind::cross_entropy || kind == LossKind::binary_cross_entropy;
}

struct LossOptions {
  LossKind kind = LossKind::cross_entropy;
  double smoothing = 0;     ///< share of a target that is spread over all classes (cross-entropies)
  double huber_delta = 1;   ///< where huber turns from squares to lines
  double distillation = 0;  ///< share of append_distillation() towards a teacher's answers; 0: there is none
  double temperature = 2;   ///< of the distillation
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
