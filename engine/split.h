#pragma once

#include "engine/graph.h"

namespace dormouse::engine {

/// A graph cut where shapes begin to depend on data.
///
/// `head` has the graph's inputs and static shapes throughout; `tail` takes the graph's inputs and then the
/// head's outputs, and has the graph's outputs.
struct Split {
  Graph head;
  Graph tail;
};

/// Cuts `graph`, whose inputs have static shapes, so that the tail is as small as can be: the nodes that give
/// a shape that is not static, and whatever depends on them.
Split split(const Graph& graph);

}  // namespace dormouse::engine
