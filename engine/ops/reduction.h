#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "engine/kernels/saturate.h"
#include "engine/kernels/strided.h"
#include "engine/ops/inference.h"
#include "engine/ops/types.h"

/// What the reductions share: axes as attribute or input, keepdims, and the loop.
namespace dormouse::engine {

void infer_reduction(InferContext& context);

/// Strides in the output for each input dimension: 0 along the reduced ones.
std::vector<std::int64_t> reduced_strides(const KernelContext& context);

/// The axes that the node reduces, negative ones as they are; all of them when none are named. For gradients.
std::vector<std::int64_t> reduced_axes(const GradientContext& context);
/// `y`, which may have lost its reduced axes, with extents of 1 in their place.
Value restore_axes(const GradientContext& context, Value y);

/// out[strides] = F(out[strides], in) over every element; rows of one output use several partial results, so
/// that they vectorise and round less. Merge folds the partial results where that is another function.
template <class F, class Merge = F, class T>
void fold(const T* in, const Shape& shape, T* out, const std::vector<std::int64_t>& out_strides,
          T neutral) noexcept {
  constexpr std::int64_t kPartials = 16;
  const StridedLoop<2> loop(shape, {strides(shape), out_strides});
  loop.rows([&](std::int64_t length, const auto& offset, const auto& step) {
    const T* const from = in + offset[0];
    T* const to = out + offset[1];
    if (step[1] != 0) {
      for (std::int64_t i = 0; i < length; ++i) to[i * step[1]] = F{}(to[i * step[1]], from[i]);
      return;
    }
    T partial[kPartials];
    std::fill_n(partial, kPartials, neutral);
    std::int64_t i = 0;
    for (; i + kPartials <= length; i += kPartials)
      for (std::int64_t j = 0; j < kPartials; ++j) partial[j] = F{}(partial[j], from[i + j]);
    for (; i < length; ++i) partial[0] = F{}(partial[0], from[i]);
    for (const T value : partial) *to = Merge{}(*to, value);
  });
}

struct Sum {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(static_cast<Wrapping<T>>(a) + static_cast<Wrapping<T>>(b));
  }
};

struct AddSquare {
  template <class T>
  T operator()(T sum, T x) const {
    return static_cast<T>(static_cast<Wrapping<T>>(sum) +
                          static_cast<Wrapping<T>>(x) * static_cast<Wrapping<T>>(x));
  }
};

/// The node's reduction of its input by F, from `start`, which changes nothing.
template <class F, class Merge = F, class T>
void reduce(const KernelContext& context, T start) noexcept {
  std::ranges::fill(context.out<T>(0), start);
  fold<F, Merge>(context.in<T>(0).data(), context.shape(0), context.out<T>(0).data(),
                 reduced_strides(context), start);
}

/// The element types that ONNX reduces.
using Reduced =
    Types<float, double, Half, BFloat16, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t>;

/// A function of real numbers for any type: integers by way of f64, truncated.
template <class T, class F>
T as_real(T value, F f) {
  if constexpr (std::is_floating_point_v<T>)
    return f(value);
  else
    return saturate<T>(f(static_cast<double>(value)));
}

/// What arrives at the node's output, with the input's shape.
Value spread_upstream(const GradientContext& context);
/// Of a largest or smallest element: those that tie for it share what arrives.
Gradients extremum_reduction_gradient(const GradientContext& context);

/// What conformance runs every reduction on: one axis kept, several dropped, all of them, none.
std::vector<Sample> reduction_samples(double low = -2);

}  // namespace dormouse::engine
