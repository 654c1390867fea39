#pragma once

#include <math.h>

namespace dormouse::learning {

/// log of "n choose k", for 0 ≤ k ≤ n. By lgamma_r: std::lgamma writes a global, which nights and requests
/// share.
inline double log_binomial(double n, double k) {
  int sign = 0;
  return lgamma_r(n + 1, &sign) - lgamma_r(k + 1, &sign) - lgamma_r(n - k + 1, &sign);
}

}  // namespace dormouse::learning
