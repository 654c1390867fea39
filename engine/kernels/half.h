#pragma once

#include <type_traits>

#include "engine/dtype.h"

namespace dormouse::engine {

/// Halves are stored and never computed with: kernels widen each element to f32 and round once, when they
/// store the result.
template <class T>
inline constexpr bool is_half = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

/// What T is computed in.
template <class T>
using Widened = std::conditional_t<is_half<T>, float, T>;

template <class T>
Widened<T> widen(T value) {
  if constexpr (is_half<T>)
    return to_float(value);
  else
    return value;
}

template <class T>
T narrow(Widened<T> value) {
  if constexpr (std::is_same_v<T, Half>)
    return to_half(value);
  else if constexpr (std::is_same_v<T, BFloat16>)
    return to_bfloat16(value);
  else
    return value;
}

}  // namespace dormouse::engine
