#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "engine/kernels/strided.h"
#include "engine/ops/inference.h"

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
/// that they vectorise and round less.
template <class F, class T>
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
    for (const T value : partial) *to = F{}(*to, value);
  });
}

struct Sum {
  template <class T>
  T operator()(T a, T b) const {
    using Wide = std::conditional_t<std::is_floating_point_v<T>, T, std::uint64_t>;
    return static_cast<T>(static_cast<Wide>(a) + static_cast<Wide>(b));
  }
};

/// The inputs' sum over the reduced axes: ReduceSum, and ReduceMean before it divides.
template <class T>
void sum_kernel(const KernelContext& context) noexcept {
  std::ranges::fill(context.out<T>(0), T{0});
  fold<Sum>(context.in<T>(0).data(), context.shape(0), context.out<T>(0).data(), reduced_strides(context),
            T{0});
}

/// What conformance runs every reduction on: one axis kept, several dropped, all of them, none.
std::vector<Sample> reduction_samples();

}  // namespace dormouse::engine
