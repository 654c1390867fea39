#pragma once

#include "engine/op.h"

/// What operators on sequences of pairs share. An oscillator's state is such a pair: velocity z and position
/// y.
///
/// A sequence is [N, T, 2, C]: batch, time, (z, y), channel. Per-channel 2×2 matrices are [2, 2, C], row
/// first. With the attribute `reverse` set time runs backwards: what came before step t is step t + 1.
namespace dormouse::engine::pairs {

/// fail()s unless input `i` is a sequence / matrices, as far as its shape is known.
void check_sequence(const InferContext& context, std::size_t i);
void check_matrices(const InferContext& context, std::size_t i);

/// An extent that both inputs have, from whichever knows it; fail()s with `what` when they differ.
std::int64_t common_extent(const InferContext& context, std::int64_t a, std::int64_t b,
                           std::string_view what);

inline bool is_reverse(const Attributes& attributes) { return attributes.integer("reverse", 0) != 0; }

/// The steps of one sequence in the order of time, as its attribute `reverse` has it.
struct Order {
  std::int64_t first, step;
  Order(std::int64_t steps, bool reverse) : first(reverse ? steps - 1 : 0), step(reverse ? -1 : 1) {}
  std::int64_t operator[](std::int64_t i) const { return first + i * step; }
};

/// matrices · pair at every place of a sequence.
Value product(Value matrices, Value sequence);
/// The same with the matrices transposed.
Value transposed_product(Value matrices, Value sequence);
/// Each step's predecessor: the sequence moved by one step, zero before the first. `reverse` as above.
Value previous(Value sequence, bool reverse);

}  // namespace dormouse::engine::pairs
