#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/graph.h"
#include "engine/published.h"
#include "learning/latents.h"

namespace dormouse::learning {

/// A fully connected layer found in a graph: Gemm, or MatMul with or without Add, on constant weights.
struct LinearLayer {
  engine::ValueId input = engine::kAbsent;
  engine::ValueId output = engine::kAbsent;
  engine::ValueId weight = engine::kAbsent;
  engine::ValueId bias = engine::kAbsent;  ///< absent: none
  bool transposed = false;                 ///< weight is [out, in] rather than [in, out]
};

/// The layer that makes `output`, if a linear layer does.
std::optional<LinearLayer> linear_layer_to(const engine::Graph& graph, engine::ValueId output);

/// Every linear layer, in the order of the nodes; its output is that of the bias where it has one.
std::vector<LinearLayer> linear_layers(const engine::Graph& graph);

/// The whole of `trainable` as one linear head on the latent, if it is no more than that.
std::optional<engine::LinearHead> as_linear_head(const engine::Graph& trainable);

/// Training leaves the constants of these names as they are, in this graph and what is extracted from it; no
/// others any more.
void freeze(engine::Graph& graph, const std::vector<std::string>& names);

/// The weights and biases that training changes: f32 constants of rank ≥ 1 that are not frozen, except
/// BatchNormalization's statistics. In the order of their values.
std::vector<engine::ValueId> parameters_of(const engine::Graph& trainable);

/// New output rows for grow_head(), in the layer's own terms: out = input · weights + bias.
struct HeadRows {
  engine::Tensor weights;  ///< f32 [extra, in]
  engine::Tensor bias;     ///< f32 [extra]
};

/// The last linear layer of `trainable` (the one that makes its output) gains rows.weights.shape()[0]
/// classes; all shapes are inferred again. A layer without bias ignores rows.bias. Throws
/// Failure(unsupported) when the output does not come from a linear layer.
void grow_head(engine::Graph& trainable, const HeadRows& rows);

/// Rows for classes [slow classes, fast.classes()) in the direction of the fast head, when the part is linear
/// in the latent: the fast logit in units of the slow head's temperature, shifted so that the class ties with
/// all others together on its own examples. Otherwise, or for a class without examples: zero weights and the
/// mean bias.
HeadRows rows_from_fast(const engine::Graph& trainable, const engine::LinearHead* fast,
                        float slow_temperature, const LabelledLatents& data, std::size_t classes);

/// Replaces the weights and bias of the last linear layer by `factor` times those of `head`, which reads that
/// layer's input and has no lift. Throws Failure(unsupported) when the layer has no bias or is not there.
void set_last_layer(engine::Graph& trainable, const engine::LinearHead& head, float factor);

}  // namespace dormouse::learning
