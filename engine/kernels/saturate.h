#pragma once

#include <limits>

namespace dormouse::engine {

/// A floating number as the integer it truncates to, or the nearest one there is; NaN is 0.
template <class Out, class In>
Out saturate(In value) {
  // The bounds as floating numbers: `high` may round up to one beyond the highest integer.
  constexpr In low = static_cast<In>(std::numeric_limits<Out>::lowest());
  constexpr In high = static_cast<In>(std::numeric_limits<Out>::max());
  if (value != value) return 0;
  if (value <= low) return std::numeric_limits<Out>::lowest();
  if (value >= high) return std::numeric_limits<Out>::max();
  return static_cast<Out>(value);
}

}  // namespace dormouse::engine
