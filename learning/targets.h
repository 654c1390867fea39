#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/graph.h"
#include "learning/linear_layer.h"
#include "learning/split.h"

namespace dormouse::learning {

/// What a model answers that answers with numbers; in its ONNX file as metadata. Its answers [N, rows ·
/// targets], a row of time after the other, are in the targets' own units.
struct NumberModel {
  std::vector<std::string> targets;
  std::vector<float> mean, deviation;  ///< of each in the examples it was trained on
  std::int64_t horizon = 0;            ///< rows that it foretells; 0: it does not, it answers about its input
  std::vector<std::string> columns = {};  ///< of a table that are its input; empty: all (but the targets)

  std::int64_t rows() const { return horizon > 0 ? horizon : 1; }
};

/// Nothing for a classifier. Throws Failure(corrupt) when the metadata cannot be read.
std::optional<NumberModel> number_model(const engine::Graph& graph);
/// Its metadata entries.
std::vector<std::pair<std::string, std::string>> metadata_of(const NumberModel& model);

/// Mean and deviation of every target over these examples, a row of a forecast that several foretell counted
/// once. Throws Failure(invalid) naming the target that is always the same.
NumberModel measure_targets(const Dataset& data, const Rows& rows);

/// Their targets as rows f32 [N, rows · targets]; with a `scale` as (target − mean) / deviation.
Tensor target_rows(const Dataset& data, std::span<const std::size_t> rows, const NumberModel* scale);

/// The linear layer that makes a model's answers, also behind a reshape.
std::optional<LinearLayer> number_head(const engine::Graph& graph);

/// Rewrites that layer so that a graph that answers in deviations from the mean answers in units, or back.
/// Throws Failure(unsupported) where there is none, or none with a bias.
void answer_in_units(engine::Graph& graph, const NumberModel& scale);
void answer_in_deviations(engine::Graph& graph, const NumberModel& scale);

}  // namespace dormouse::learning
