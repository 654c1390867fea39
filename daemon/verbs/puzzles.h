#pragma once

#include "daemon/verbs/verb.h"
#include "engine/graph.h"

/// Planners on the command line, where DATA is a file of drawings or a size, of which puzzles are made.
namespace dormouse::daemon {

/// Whether the file is an ONNX model that says it is a planner's step.
bool names_planner(const std::string& model);

/// `dormouse infer MODEL.onnx DATA…`: each drawing with its answer, and how long it took.
int infer_puzzles(const Arguments& arguments);

/// `dormouse eval MODEL.onnx DATA`: how many are solved exactly, in how many steps, and why it stopped.
int evaluate_puzzles(const Arguments& arguments);

}  // namespace dormouse::daemon
