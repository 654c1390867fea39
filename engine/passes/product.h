#pragma once

#include <vector>

#include "engine/passes/rewrite.h"

namespace dormouse::engine {

/// scale · f₀ · f₁ · …: what a tree of Mul, Div by a constant and Pow by 2 or 3 computes, whose inner nodes
/// nothing else reads.
struct Product {
  double scale = 1;
  std::vector<ValueId> factors;

  bool is(double expected_scale, std::size_t count) const;
};

/// The product that `node` computes; no factors when it multiplies nothing.
Product product_of(const Rewrite& rewrite, const Node& node);
/// The product that `value` is: itself alone when nothing is multiplied to make it.
Product product_of(const Rewrite& rewrite, ValueId value);

/// value + constant: {value, constant}; nothing for other values.
struct Shifted {
  ValueId value;
  double shift;
};
std::optional<Shifted> shifted(const Rewrite& rewrite, ValueId value);

/// Whether constants that exporters rounded to f32, or wrote with five digits, mean the same.
bool means(double given, double exact);

}  // namespace dormouse::engine
