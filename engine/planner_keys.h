#pragma once

namespace dormouse::engine {

/// Metadata of a planner's step (x, z) → (z', logits, q): the kind of puzzle that x is.
inline constexpr const char* kPuzzleKey = "dormouse.puzzle";
/// The probability of being right, sigmoid(q), from which on it may stop; absent: q is not believed.
inline constexpr const char* kHaltKey = "dormouse.halt";
/// What that was tested on and what it promises, for people.
inline constexpr const char* kHaltTestKey = "dormouse.halt.test";

}  // namespace dormouse::engine
