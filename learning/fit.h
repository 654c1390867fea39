#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/sends_ahead.h"
#include "engine/session.h"
#include "learning/loss.h"
#include "learning/optimiser.h"
#include "learning/seed.h"

namespace dormouse::learning {

/// Some rows of training data.
struct Batch {
  Tensor inputs;                  ///< f32 [N, …], as the model's input
  Tensor targets;                 ///< f32 [N, K], see append_loss()
  Tensor weights;                 ///< f32 [N]
  Tensor teacher = {};            ///< f32 [N, K], with LossOptions::distillation
  std::vector<Tensor> more = {};  ///< the model's inputs behind the first
};

/// Each of its tensors sent ahead.
Batch sent(const engine::SendsAhead& sender, Batch batch);

/// A model while it is fitted to data: parameters, what the optimiser keeps, and the updates so far.
///
/// One update is one graph, run by an engine::Session: forward, loss, reverse-mode gradients, clipping, the
/// optimiser, the average of the weights. Deterministic for the same drivers, threads and machine type. Not
/// thread-safe.
class Fit {
 public:
  struct Options {
    LossOptions loss = {};
    OptimiserOptions optimiser = {};
    std::span<const engine::Driver* const> drivers = {};  ///< borrowed for the fit's life
    /// Bytes that an update may take: the batch, parameters and state before and after, and all between. What
    /// does not fit is computed again instead of kept, in portable kernels with the same result to the bit.
    /// 0: as many as it takes.
    std::size_t memory = 0;
  };
  /// `model`: inputs → answers, [N, …] → [N, K], its weights as constants; those that parameters_of() names
  /// are fitted. What it gives behind the answers is told by carried(). Throws Failure(unsupported) when an
  /// operator before one of them has no gradient, and Failure(invalid) when there is nothing to fit or the
  /// answers are no rows.
  Fit(const engine::Graph& model, Options options);

  /// One update; returns the loss before it. Throws Failure(internal) naming the update and the first tensor
  /// that is not finite when the loss is not, and Failure(too_large) when it takes more memory than allowed;
  /// nothing is updated then.
  float update(const Batch& batch, float rate);
  std::int64_t updates() const { return updates_; }
  /// The driver to whose device batches like this one may be sent before their update, from any thread; null
  /// where there is none. An update takes those as any others.
  const engine::SendsAhead* sender(const Batch& batch) const;
  /// The model's outputs behind the answers in the last update, before it: a state to go on from.
  const std::vector<Tensor>& carried() const { return carried_; }

  struct Score {
    float loss = 0;
    Tensor answers;  ///< f32 [N, K]
  };
  /// By the average of the weights, where there is one.
  Score evaluate(const Batch& batch) const;

  /// As they are now, and their average (the same where there is none); by name.
  Parameters parameters() const { return named(0); }
  Parameters averaged() const;

  /// All that an update changes, by name: "parameter.NAME" and "velocity.NAME" and so on.
  Parameters state() const;
  /// Goes on from there, bit for bit. Throws Failure(corrupt) when it is not the state of such a fit.
  void restore(const Parameters& state, std::int64_t updates);

  /// Of all updates, by driver (see engine::Session::seconds()).
  std::map<std::string, double> seconds() const;

 private:
  std::size_t kinds() const { return 1 + states_.size(); }
  Parameters named(std::size_t kind) const;
  std::vector<Tensor> inputs_of(const Batch& batch, std::span<const Tensor> parameters) const;
  std::vector<Tensor> update_inputs(const Batch& batch, float rate) const;
  [[noreturn]] void report_divergence(const Batch& batch) const;
  const engine::Session& session_for(const Batch& batch);
  engine::Graph within_memory(const Batch& batch) const;

  engine::Graph model_;
  Options options_;
  std::vector<engine::ValueId> ids_;
  std::vector<std::string_view> states_;
  std::vector<Tensor> values_;  ///< parameters, then each kind of state
  std::vector<Tensor> carried_;
  std::int64_t updates_ = 0;
  engine::Graph update_;     ///< of any batch
  std::size_t forward_ = 0;  ///< its first nodes: the model and the loss
  std::unique_ptr<engine::Session> session_;
  engine::Shape made_for_;                 ///< batches, where memory is limited: one session at a time
  std::map<std::string, double> earlier_;  ///< seconds(), of sessions that have gone
  engine::Session evaluation_;
};

}  // namespace dormouse::learning
