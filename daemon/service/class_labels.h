#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/graph.h"

namespace dormouse::daemon {

/// What the classes of a model are called, in the order of its scores.
struct ClassLabels {
  std::vector<std::string> names;
  /// The numbers that the model itself answers with for these; empty: it answers with positions.
  std::vector<std::int64_t> numbers;

  bool empty() const { return names.empty(); }
  /// The name of what a classifier answers; "" for what is none of its classes.
  std::string name_of(std::int64_t answer) const;
};

/// Whether this may be taught as a label beside those that are known already. Throws Failure(invalid) for
/// what is no label, Failure(conflict) for one class too many.
void check_label(const std::string& label, const std::vector<std::string>& known);

/// What the file's metadata say; empty when they do not. Throws Failure(corrupt) naming `file`.
ClassLabels class_labels(const engine::Graph& graph, const std::string& file);

}  // namespace dormouse::daemon
