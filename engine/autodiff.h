#pragma once

#include <span>
#include <vector>

#include "engine/graph.h"

namespace dormouse::engine {

/// Reverse-mode differentiation as a graph transform: appends to `graph` the nodes that compute the
/// derivative of the scalar `loss` with respect to each of `wrt`, and returns those values (same type and
/// shape as theirs).
///
/// Gradients are registered operators, so the result can be differentiated again. Only what `wrt` needs is
/// built: frozen values cost nothing. A `wrt` that does not reach `loss` gets zeros. Throws
/// Failure(unsupported) naming the first operator on the way that has no gradient.
std::vector<ValueId> differentiate(Graph& graph, ValueId loss, std::span<const ValueId> wrt);

}  // namespace dormouse::engine
