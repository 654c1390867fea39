#pragma once

#include "engine/ops/elementwise.h"

/// What Max, Min and the reductions by them share.
namespace dormouse::engine {

// NaN wins, as in NumPy.
struct Larger {
  template <class T>
  T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};

struct Smaller {
  template <class T>
  T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
};

/// The inputs that equal the output share what arrives.
Gradients extremum_gradient(const GradientContext& context);

}  // namespace dormouse::engine
