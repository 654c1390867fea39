#pragma once

#include <map>

#include "engine/ops/einsum_equation.h"
#include "engine/shape.h"

namespace dormouse::engine {

/// How long each label's dimension is; kDynamic where it is not known.
using EinsumExtents = std::map<int, std::int64_t>;

/// A tensor on the way: a dimension per label, row-major.
struct EinsumTerm {
  EinsumLabels labels;
  Shape shape(const EinsumExtents& extents) const;
};

/// One step: the product of two terms as matrix products, [batch, m, k] · [batch, k, n]. Labels that only one
/// of them has, and nothing needs later, are summed while it is laid out.
struct EinsumStep {
  EinsumLabels batch, m, k, n;

  EinsumTerm left() const;
  EinsumTerm right() const;
  EinsumTerm product() const;
};

/// The operands multiplied one after another, from the left.
struct EinsumPlan {
  EinsumExtents extents;
  std::vector<EinsumLabels> operands;
  EinsumLabels result;
  std::vector<EinsumStep> steps;

  /// Throws Failure(invalid) when ranks or extents do not fit the equation.
  EinsumPlan(const EinsumEquation& equation, std::span<const Shape> shapes);

  std::int64_t extent(const EinsumLabels& labels) const;  ///< their product
  /// Every tensor that run-time makes on the way; all extents must be known.
  std::vector<Shape> intermediates() const;
};

}  // namespace dormouse::engine
