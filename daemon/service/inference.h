#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "daemon/service/learner.h"
#include "hrm/router.h"

namespace dormouse::daemon {

/// One row of a batch, answered.
struct RowAnswer {
  engine::Answer executor;
  hrm::Decision decision;
  float novelty = 0;
  std::vector<float> latent;
};

/// What a request gets: the model's own outputs, and an answer a row where the model has labels.
struct InferenceResult {
  std::vector<engine::Tensor> outputs;  ///< in the order of ModelParts::outputs
  std::vector<RowAnswer> rows;          ///< empty for a model without labels
  /// f32 [rows, labels]: the answers, as tensor.
  engine::Tensor probabilities() const;
};

/// What one inference reads. Values and shared immutable parts: it may run on any thread.
struct InferenceJob {
  Served served;
  std::optional<Served> planner;
  hrm::RouterOptions router;
  std::size_t neighbours = 16;
  std::vector<engine::Tensor> inputs;
  std::stop_token stop = {};
};

/// Executor, memory, planner: as far as the router goes. Throws Failure(invalid) for inputs that do not fit,
/// Failure(expired) when it is to stop.
InferenceResult infer(const InferenceJob& job);

/// Neighbours and concepts of a latent under the labels of `served`.
struct Recalled {
  std::vector<memory::Match> matches;
  std::vector<hrm::Neighbour> neighbours;
  std::vector<hrm::PrototypeDistance> concepts;
};
Recalled recall(const Served& served, std::span<const float> latent, std::size_t k,
                const memory::Filter& filter = {});

}  // namespace dormouse::daemon
