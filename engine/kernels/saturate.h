#pragma once

#include <limits>

namespace dormouse::engine {

/// A floating number as the integer it truncates to, or the nearest one there is; NaN is 0.
template <class Out, class In>
Out saturate(In value) {
  // The bounds as floating numbers: `high` may round up to one beyond the highest integer.
  constexpr In low = static_cast<In>(std::numeric_limits<Out>::lowest());
  constexpr In high = static_cast<In>(std::numeric_limits<Out>::max());
  // Selections alone, so that loops vectorise; what is converted always fits.
  const In above = value > low ? value : low;
  const Out inside = static_cast<Out>(above < high ? above : low);
  const Out bounded = value >= high ? std::numeric_limits<Out>::max() : inside;
  return value != value ? Out{0} : bounded;
}

}  // namespace dormouse::engine
