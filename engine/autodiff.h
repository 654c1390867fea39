#pragma once

#include <span>
#include <vector>

#include "engine/graph.h"

namespace dormouse::engine {

/// A value of a graph, and another of the same type and shape: a gradient that arrives at it, or a direction
/// in which it moves.
struct Paired {
  ValueId value = kAbsent;
  ValueId with = kAbsent;
};

/// Reverse mode as a graph transform: appends to `graph` the nodes that compute the vector-Jacobian product
/// Σ_o uᵒ · ∂o/∂w for each w of `wrt` (same type and shape as its own), where `outputs` pairs each o with uᵒ.
///
/// Gradients are registered operators, so the result can be differentiated again. Only what `wrt` needs is
/// built: frozen values cost nothing. A `wrt` that reaches no output gets zeros. Throws Failure(unsupported)
/// naming the first operator on the way that has no gradient.
std::vector<ValueId> pull_back(Graph& graph, std::span<const Paired> outputs, std::span<const ValueId> wrt);

/// The derivative of the scalar `loss` with respect to each of `wrt`: pull_back() of 1.
std::vector<ValueId> differentiate(Graph& graph, ValueId loss, std::span<const ValueId> wrt);

/// Forward mode as the same kind of transform: appends the nodes that compute the Jacobian-vector product
/// Σ_x ∂o/∂x · tˣ for each o of `outputs`, where `inputs` pairs each x with its tangent tˣ.
///
/// A pull-back is linear in what it pulls back, so pulling it back once more gives its transpose (Townsend
/// 2017, "A new trick for calculating Jacobian vector products"); of the first only what the second reads is
/// kept. So every operator that has a gradient has a tangent, too. Throws as pull_back() does.
std::vector<ValueId> push_forward(Graph& graph, std::span<const ValueId> outputs,
                                  std::span<const Paired> inputs);

}  // namespace dormouse::engine
