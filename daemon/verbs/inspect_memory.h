#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/footprint.h"

namespace dormouse::daemon {

/// The shapes of the graph's inputs: those that `text` says ("x=1x3x224x224,mask=1x128"), and for the others
/// the graph's own with 1 for every dynamic extent. Throws Failure(invalid) for what it does not understand.
std::vector<engine::Shape> input_shapes(const engine::Graph& graph, std::string_view text);

/// Prints where the memory of the model in `path` goes for inputs of these shapes; returns kOk.
int inspect_memory(const std::string& path, const std::string& shapes, bool json);

}  // namespace dormouse::daemon
