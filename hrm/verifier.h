#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "engine/session.h"

namespace dormouse::hrm {

/// Whether an answer, the class of each cell, holds for what was asked, a planner's `x` of one row.
using Verify = std::function<bool(const engine::Tensor& x, std::span<const std::uint8_t> answer)>;

/// A rule that answers can be checked by: an entry of the table in verifier.cpp.
struct Verifier {
  std::string_view puzzle;
  bool (*accepts)(const engine::Tensor& x, std::span<const std::uint8_t> answer);
};

/// maze: the cells of class 1 are open and form one line from start to goal, without branches and circles.
/// sudoku: no digit twice in a row, column or box, and those given are kept.
std::span<const Verifier> verifiers();

/// The rule for a kind of puzzle; empty where there is none.
Verify verifier_for(std::string_view puzzle);

/// A model as the rule: (x, answer f32 [1, cells]) → a number first of all, at least `least` where it holds.
Verify scored_by(std::shared_ptr<const engine::Session> model, float least);

}  // namespace dormouse::hrm
