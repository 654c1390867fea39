#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph.h"

namespace dormouse::daemon {

/// "x=1x3x224x224,y=" as shapes by name, y's that of a scalar. Throws Failure(invalid) for anything else.
std::map<std::string, engine::Shape> parse_shapes(std::string_view text);
/// "x=tokens.npy,y=mask.npy" as files by name. Throws Failure(invalid) for anything else.
std::map<std::string, std::string> parse_files(std::string_view text);

/// The shapes of every input of `graph`: what `shapes` say, else its own with 1 for dynamic extents. Throws
/// Failure(not_found) for names that are no input of the graph.
std::vector<engine::Shape> input_shapes(const engine::Graph& graph,
                                        const std::map<std::string, engine::Shape>& shapes);

/// Tensors for every input of `graph`: from `files` (npy) where they name it, else drawn from `seed` in its
/// input_shapes(). Real numbers are from [-1, 1), integers
/// 0 or 1, as every vocabulary and mask has them.
///
/// Throws Failure(not_found) for names that are no input of the graph, Failure(invalid) for shapes and files
/// that do not fit.
std::vector<engine::Tensor> bench_inputs(const engine::Graph& graph,
                                         const std::map<std::string, engine::Shape>& shapes,
                                         const std::map<std::string, std::string>& files, std::uint64_t seed);

}  // namespace dormouse::daemon
