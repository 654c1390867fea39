#pragma once

#include "engine/ops/elementwise.h"

/// What BitwiseAnd, BitwiseOr and BitwiseXor share: two integers of one type, broadcast.
namespace dormouse::engine {

/// F of std::functional, which promotes to int.
template <class F>
struct Bitwise {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(F{}(a, b));
  }
};

std::vector<Sample> bitwise_samples();

template <class F>
Op bitwise_op(std::string_view name) {
  return {.name = name,
          .since = 18,
          .min_inputs = 2,
          .max_inputs = 2,
          .infer = infer_broadcast,
          .kernels = binary_kernels<Bitwise<F>>(Integral{}),
          .in_place = true,
          .elementwise = true,
          .samples = bitwise_samples()};
}

}  // namespace dormouse::engine
