#pragma once

#include "engine/ops/inference.h"
#include "engine/ops/sliding.h"

/// What the pooling operators and their gradients share.
namespace dormouse::engine {

/// The shape of the pooled input `x`; fail()s with what is wrong.
Shape infer_pooled(const InferContext& context, const Shape& x);
/// fail()s unless `shape` can be the pooled `x`.
void require_pooled(const InferContext& context, const Shape& x, const Shape& shape);

/// The window that pools `x` into `y`.
SlidingWindow pooling_window(const KernelContext& context, const Shape& x, const Shape& y);

/// The offset of the largest element under the window of output `position`; -1 when there is only padding.
template <class T>
std::int64_t argmax_under(const SlidingWindow& window, const T* plane, std::int64_t position) {
  std::int64_t best = -1;
  for_window(window, position, [&](std::int64_t offset, std::int64_t) {
    if (best < 0 || plane[offset] > plane[best] || plane[offset] != plane[offset]) best = offset;
  });
  return best;
}

/// Calls f(plane of x, plane of y, output position) for each output; a plane is one channel of one image.
template <class F>
void for_pooled(const SlidingWindow& window, const Shape& x, F f) {
  const std::int64_t in = SlidingWindow::volume(window.input), out = SlidingWindow::volume(window.output);
  for (std::int64_t plane = 0; plane < x[0] * x[1]; ++plane)
    for (std::int64_t position = 0; position < out; ++position) f(plane * in, plane * out, position);
}

}  // namespace dormouse::engine
