#pragma once

#include <algorithm>

#include "engine/ops/inference.h"

/// What Gather, GatherND and their gradients do with slices. An indexing has `inner`, the elements of a
/// slice, and each(f), which calls f(slice of the data, slice of the gathered); the first is -1 where an
/// index is outside.
namespace dormouse::engine {

/// output 0 = the slices of input 0; zeros for those outside.
template <class Indexing>
void gather_slices(const KernelContext& context, const Indexing& indexing) {
  const std::int64_t bytes = indexing.inner * static_cast<std::int64_t>(size_of(context.inputs[0].dtype));
  indexing.each([&](std::int64_t from, std::int64_t to) {
    std::byte* const target = context.outputs[0].data + to * bytes;
    if (from >= 0)
      std::copy_n(context.inputs[0].data + from * bytes, bytes, target);
    else
      std::fill_n(target, bytes, std::byte{0});
  });
}

/// output 0 = input 0's slices added up where they were gathered from.
template <class T, class Indexing>
void add_slices(const KernelContext& context, const Indexing& indexing) {
  std::ranges::fill(context.out<T>(0), T{0});
  const T* const dy = context.in<T>(0).data();
  T* const out = context.out<T>(0).data();
  indexing.each([&](std::int64_t to, std::int64_t from) {
    if (to < 0) return;
    for (std::int64_t i = 0; i < indexing.inner; ++i)
      out[to * indexing.inner + i] += dy[from * indexing.inner + i];
  });
}

/// fail()s unless the gradient, input 0, can have the shape of what was gathered.
inline void require_gathered(const InferContext& context, const Shape& gathered) {
  const Shape& dy = context.shape(0);
  context.require(
      dy.rank() == gathered.rank() && (!dy.is_static() || !gathered.is_static() || dy == gathered),
      "the gradient has not the shape of what was gathered");
}

}  // namespace dormouse::engine
