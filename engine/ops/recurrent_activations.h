#pragma once

#include <vector>

#include "engine/ops/recurrent.h"

namespace dormouse::engine::recurrent {

/// The activations that a node names for all its directions, or the defaults of its kind; their alphas and
/// betas are taken in order by those that have one. Nothing when a name is unknown.
template <class T>
std::optional<std::vector<Activation<T>>> activations(const Attributes& attributes, const Kind& kind,
                                                      std::size_t directions);

/// The same function as nodes behind `x`.
Value append(const Activation<double>& activation, Value x);

extern template std::optional<std::vector<Activation<float>>> activations(const Attributes&, const Kind&,
                                                                          std::size_t);
extern template std::optional<std::vector<Activation<double>>> activations(const Attributes&, const Kind&,
                                                                           std::size_t);

}  // namespace dormouse::engine::recurrent
