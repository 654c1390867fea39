#pragma once

#include <filesystem>
#include <vector>

#include "engine/quantizing/quantizing.h"

namespace dormouse::daemon {

/// Runs of the model `graph`, which was read from `model`, from `data`: an .npz archive with an array for
/// each input, by name, or a folder of archives, or of what `dormouse infer` takes. Arrays of many batches
/// are cut into single runs. At most `most` runs, evenly spread. Throws Failure(invalid) saying what does not
/// fit.
std::vector<engine::Batch> read_runs(const std::filesystem::path& data, const std::filesystem::path& model,
                                     const engine::Graph& graph, std::size_t most);

}  // namespace dormouse::daemon
