#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/ops/elementwise.h"
#include "engine/ops/inference.h"
#include "engine/ops/types.h"

/// What the operators that write through indices share: GatherElements, GatherND and the Scatter family.
namespace dormouse::engine {

/// How a scattered element meets the one it lands on.
enum class Scatter : std::uint8_t { replace, add, multiply, greatest, least };

/// The attribute `reduction`; none replaces.
Scatter scatter_of(const Attributes& attributes);

/// fail()s unless input `indices` is i32 or i64.
void require_index_type(const InferContext& context, std::size_t indices);
/// The same, and data and updates are of one type that the attribute `reduction`, if any, computes with.
void require_scatter_types(const InferContext& context, std::size_t indices, std::size_t updates);

/// What the gradients build on: zeros like `like`.
Value zeros_like(Value like);

template <class T>
T scattered(Scatter how, T before, T update) {
  using Wide = Wrapping<Widened<T>>;
  switch (how) {
    case Scatter::replace:
      return update;
    case Scatter::add:
      return narrow<T>(
          static_cast<Widened<T>>(static_cast<Wide>(widen(before)) + static_cast<Wide>(widen(update))));
    case Scatter::multiply:
      return narrow<T>(
          static_cast<Widened<T>>(static_cast<Wide>(widen(before)) * static_cast<Wide>(widen(update))));
    case Scatter::greatest:
      return narrow<T>(std::max(widen(before), widen(update)));
    case Scatter::least:
      return narrow<T>(std::min(widen(before), widen(update)));
  }
  return update;
}

/// Kernels of an operator that scatters: `K::run<T>` for every type. Booleans are only replaced.
template <class K>
Kernels scatter_kernels() {
  Kernels result = kernels_for(Numeric{}, []<class T>() { return K::template run<T>; });
  result.emplace_back(DType::boolean, K::template run<std::uint8_t>);
  return result;
}

}  // namespace dormouse::engine
