#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace dormouse::engine {

/// A branch or a leaf of a Forest, by its number.
struct ForestChild {
  bool is_leaf = false;
  std::size_t index = 0;
};

struct ForestBranch {
  enum class Mode : std::uint8_t { less_equal, less, greater_equal, greater, equal, not_equal, member };
  Mode mode = Mode::less_equal;
  bool missing_is_true = false;
  std::int64_t feature = 0;
  double value = 0;
  std::vector<double> members = {};  ///< of `member`: x is one of these
  ForestChild yes = {}, no = {};
};

struct ForestVote {
  std::size_t leaf = 0;
  std::int64_t target = 0;
  double weight = 0;
};

/// The trees of an ensemble as a file has them: nobody has looked yet where its children lead.
struct Forest {
  std::vector<ForestBranch> branches;
  std::vector<std::string> names;  ///< of the branches, for errors: "node 3 of tree 1"
  std::size_t leaves = 0;
  std::vector<ForestVote> votes;
  std::vector<ForestChild> roots;
};

/// The tables of dormouse.TreeEnsemble, in the order of its inputs from 1 on, for X of type f32 or f64: every
/// comparison as one with ≤ or =. Throws Failure(invalid), `where` before it, for a branch that is reached
/// twice (a cycle, or two parents), and Failure(too_large).
std::vector<Tensor> flatten(const Forest& forest, DType type, const std::string& where);

}  // namespace dormouse::engine
