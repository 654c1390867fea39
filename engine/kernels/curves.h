#pragma once

#include <cstdint>

/// The functions of activations, gates and element-wise operators, on many elements: to[i] = f(from[i]). `to`
/// may be `from`.
namespace dormouse::engine {

struct Curves {
  using Curve = void(const float* from, float* to, std::int64_t count) noexcept;
  Curve* acos;
  Curve* asin;
  Curve* atan;
  Curve* cos;
  Curve* erf;
  Curve* exp;
  Curve* logistic;
  Curve* sin;
  Curve* tanh;
  /// ln Σ eˣ; there is an element.
  float (*log_sum_exp)(const float* x, std::int64_t count) noexcept;
};

extern const Curves kPortableCurves;
#if defined(__x86_64__)
extern const Curves kAvx2Curves;
extern const Curves kAvx512Curves;
#endif

/// Those of the widest vector instructions that this processor has.
const Curves& best_curves();

}  // namespace dormouse::engine
