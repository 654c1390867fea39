#pragma once

#include <functional>
#include <vector>

#include "learning/linoss_network.h"

namespace dormouse::learning {

/// A LinOSS network that answers one sample and says how its weights should have been for that answer: with
/// the traces of learning/linoss_traces.h it needs nothing of the past.
///
/// samples [1, 1, inputs], target [1, outputs] and the state → answer [1, outputs], loss (a scalar) and the
/// state after it. The state is the inputs behind the first two, the outputs behind the first two in the
/// same order, all zeros at the start: for every block its .state, .traces and .input_traces. Weights are
/// constants of their names.
///
/// Summed over a stream the gradients are those of the sum of the losses, exactly, for the head and for the
/// last block, up to its .input. What lies before it (norms, earlier blocks, the encoder) sees its own past,
/// but of the way from there through a later block only the current sample.
struct OnlineGraph {
  engine::Graph graph;
  std::vector<engine::ValueId> weights;    ///< all that can learn: not the statistics of BlockNorm::batch
  std::vector<engine::ValueId> gradients;  ///< of the loss, one for each; not marked as outputs
};

/// The loss of an answer against its target, both [1, outputs]; a scalar.
using OnlineLoss = std::function<engine::Value(engine::Value answer, engine::Value target)>;

OnlineGraph linoss_online_graph(const LinossOptions& options, const LinossWeights& weights,
                                const OnlineLoss& loss);

}  // namespace dormouse::learning
