#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph.h"
#include "learning/model_spec.h"

namespace dormouse::learning {

enum class ModelSize : std::uint8_t { small, medium, large };

/// What a new model takes and gives.
struct ModelRequest {
  std::int64_t rows = 0;  ///< samples in time, or height · width
  std::int64_t channels = 1;
  std::int64_t height = 0, width = 0;  ///< of an image; 0: a signal
  std::int64_t outputs = 0;
  std::vector<std::string> labels = {};  ///< empty: classes are numbers; of other tasks the targets
  TaskKind task = TaskKind::classification;
  std::int64_t horizon = 0;  ///< of a forecast; its `outputs` are 0 where no targets are named: all inputs
  std::vector<std::string> columns = {};  ///< of a table that are read; empty: all
  ModelSize size = ModelSize::medium;
  std::uint64_t seed = 1;  ///< of the weights, and of training
};

/// Input as written on a command line: 784, samples of one channel; 128x6, samples by channels; 28x28x1, an
/// image's height, width and channels. Throws Failure(invalid).
void parse_input(std::string_view text, ModelRequest& request);
/// Outputs: how many, or what they are called: walking,sitting. Throws Failure(invalid).
void parse_outputs(std::string_view text, ModelRequest& request);

/// The parts of a model spec that a family decides.
struct FamilySpec {
  std::vector<std::string> layers;  ///< items of `layers:`, as YAML
  std::string train;                ///< keys of `train:`, as a flow map's inside
};

/// A kind of network with sizes that suit a task: an entry of the table in families.cpp, whose layers are
/// those of layers.cpp. `describe` throws Failure(invalid) when the request is none for the family.
struct Family {
  std::string_view name;
  std::string_view summary;
  FamilySpec (*describe)(const ModelRequest& request);
};

std::span<const Family> families();

/// Throws Failure(invalid) with the nearest name, or all of them.
const Family& family_called(std::string_view name);

/// The model of that family for that request, with initial weights: the same for the same request.
engine::Graph new_model(const Family& family, const ModelRequest& request);

/// Throws Failure(invalid) when there is a file called `path`.
void refuse_to_overwrite(const std::filesystem::path& path);

/// Writes `path` (YAML) and beside it the weights it names, PATH without its extension and .safetensors: the
/// same bytes for the same family and request. Each file appears whole or not at all, the spec last. Throws
/// Failure(invalid) when one is there already and `overwrite` is not set, Failure(io). Returns the model.
engine::Graph write_new_model(const Family& family, const ModelRequest& request,
                              const std::filesystem::path& path, bool overwrite);

}  // namespace dormouse::learning
