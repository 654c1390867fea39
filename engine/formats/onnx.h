#pragma once

#include <memory>
#include <span>
#include <string>

#include "engine/graph.h"

namespace dormouse::engine {

/// In Graph::metadata: what the classes are called, a JSON list in the order of the scores. Where it holds
/// numbers, the model answers with these, else with positions in the list.
inline constexpr const char* kLabelsKey = "dormouse.labels";

/// Reads an ONNX model of opset 1 to 25 whose operators the table has.
///
/// The file is mapped; weights are views on it wherever they are aligned for their type. Weights in other
/// files must lie beneath the model's folder. Older forms of operators become the newest form; nodes are put
/// in order. A classifier of ai.onnx.ml adds its labels to the metadata (kLabelsKey), and gives positions in
/// them for strings. Throws Failure(unsupported) naming node, operator and opset and what to do,
/// Failure(corrupt) naming the place.
///
/// `more` are operators besides those of the table, borrowed for the graph's life.
Graph read_onnx(const std::string& path, std::span<const Op* const> more = {});
/// From memory; weights in other files are refused.
Graph read_onnx(std::shared_ptr<Buffer> bytes, const std::string& name, std::span<const Op* const> more = {});

/// A lone tensor in ONNX's own form (.pb), as test vectors come.
Tensor read_onnx_tensor(const std::string& path);

/// Writes opset 18 (ir 8), or what operators need that came later, atomically. Names stay; values without one
/// of their own get a unique one.
/// Operators of our own stay what they are, in the domain "dormouse". Throws Failure(too_large) beyond
/// protobuf's 2 GiB.
void write_onnx(const Graph& graph, const std::string& path);

/// The same model in operators of ONNX's opset 18 alone, so that others run it, too: what depends on no input
/// is computed, Gelu and Swish become arithmetic and an OscillatorScan a Scan. Throws Failure(unsupported)
/// naming the node that cannot be written so.
Graph in_standard_operators(const Graph& graph);

/// Protobuf whose fields are those of a model, a graph among them.
bool is_onnx(std::span<const std::byte> bytes);

}  // namespace dormouse::engine
