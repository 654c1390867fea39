#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "engine/ops/elementwise.h"
#include "engine/ops/inference.h"

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
  switch (how) {
    case Scatter::replace:
      return update;
    case Scatter::add:
      return static_cast<T>(static_cast<Wrapping<T>>(before) + static_cast<Wrapping<T>>(update));
    case Scatter::multiply:
      return static_cast<T>(static_cast<Wrapping<T>>(before) * static_cast<Wrapping<T>>(update));
    case Scatter::greatest:
      return std::max(before, update);
    case Scatter::least:
      return std::min(before, update);
  }
  return update;
}

/// Kernels of an operator that scatters: `K::run<T>` for every type; half floats and bool only replace.
template <class K>
Kernels scatter_kernels() {
  Kernels result = kernels<float, double, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t,
                           std::int32_t, std::uint32_t, std::int64_t, std::uint64_t>(
      K::template run<float>, K::template run<double>, K::template run<std::int8_t>,
      K::template run<std::uint8_t>, K::template run<std::int16_t>, K::template run<std::uint16_t>,
      K::template run<std::int32_t>, K::template run<std::uint32_t>, K::template run<std::int64_t>,
      K::template run<std::uint64_t>);
  for (const DType half : {DType::f16, DType::bf16})
    result.emplace_back(half, K::template run<std::uint16_t>);
  result.emplace_back(DType::boolean, K::template run<std::uint8_t>);
  return result;
}

}  // namespace dormouse::engine
