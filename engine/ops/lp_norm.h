#pragma once

#include <cmath>

#include "engine/ops/inference.h"
#include "engine/value.h"

/// What the operators built on the p-norm (Σ |x|^p)^(1/p) share.
namespace dormouse::engine {

/// The attribute p; fail()s unless it is positive.
inline std::int64_t check_norm(const InferContext& context) {
  const std::int64_t p = context.attributes().integer("p", 2);
  context.require(p >= 1 && p <= 64, "p is not in 1 … 64");
  return p;
}

template <class T>
T norm_term(T x, std::int64_t p) {
  if (p == 1) return std::abs(x);
  if (p == 2) return x * x;
  return std::pow(std::abs(x), static_cast<T>(p));
}

template <class T>
T norm_root(T sum, std::int64_t p) {
  if (p == 1) return sum;
  if (p == 2) return std::sqrt(sum);
  return std::pow(sum, T{1} / static_cast<T>(p));
}

/// For gradients: d|x|^p/dx / p, which is x · |x|^(p - 2).
Value norm_slope(Value x, std::int64_t p);
/// For gradients: the derivative of the norm n by Σ |x|^p, times p: n^(1 - p), and 0 where the norm is.
Value norm_root_slope(Value norm, std::int64_t p);

}  // namespace dormouse::engine
