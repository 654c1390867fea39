#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph.h"

namespace dormouse::engine {

/// What a pass changed, in words, and how many times: {"BatchNormalization into Conv", 12}.
using Changes = std::map<std::string, std::size_t, std::less<>>;

/// {what, how many nodes fewer than `before` there are}; nothing where there are as many.
Changes removed(std::string what, std::size_t before, const Graph& now);

/// A rewrite of a graph that keeps what it computes, up to rounding.
struct Pass {
  std::string_view name;
  Changes (*run)(Graph&);
};

/// Every pass, in run order (all_passes.cpp).
std::span<const Pass* const> all_passes();
/// Runs them all.
void optimise(Graph& graph);

/// A graph's size after one pass, and what that pass changed.
struct PassReport {
  std::string_view pass;
  std::size_t nodes;
  Changes changes;
};
/// Runs them all; a row for each.
std::vector<PassReport> optimise_reporting(Graph& graph);

}  // namespace dormouse::engine
