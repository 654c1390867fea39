#pragma once

#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>

#include "engine/kernels/scratch.h"
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

/// Calls f(plane of x, plane of y, output position) for each output; a plane is one channel of one image.
template <class F>
void for_pooled(const SlidingWindow& window, const Shape& x, F f) {
  const std::int64_t in = SlidingWindow::volume(window.input), out = SlidingWindow::volume(window.output);
  for (std::int64_t plane = 0; plane < x[0] * x[1]; ++plane)
    for (std::int64_t position = 0; position < out; ++position) f(plane * in, plane * out, position);
}

/// Less than all others, or equal to the least.
template <class T>
constexpr T kLeast = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                          : std::numeric_limits<T>::lowest();

/// `a` or `b` without a branch: which element wins a window is not to be foreseen.
template <class T>
T chosen(bool first, T a, T b) {
  if constexpr (sizeof(T) == 4 || sizeof(T) == 8) {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    const Bits mask = Bits{0} - static_cast<Bits>(first);
    return std::bit_cast<T>((std::bit_cast<Bits>(a) & mask) | (std::bit_cast<Bits>(b) & ~mask));
  } else {
    return first ? a : b;
  }
}

/// For each window of a plane its largest element, the first of equals and NaN above all, and where in the
/// plane that is: kLeast and -1 when there is only padding. `best` and `offsets` have one place for each.
template <class T>
void find_largest(const SlidingWindow& window, const T* plane, T* best, std::int64_t* offsets) noexcept {
  const auto& [in, out, kernel, stride, dilation, pad, pad_end] = window;
  const auto inside = [&](std::size_t d, std::int64_t at) {
    const std::int64_t start = at * stride[d] - pad[d];
    return start >= 0 && start + (kernel[d] - 1) * dilation[d] < in[d];
  };
  T most;
  std::int64_t where;
  const auto challenge = [&](std::int64_t offset) {
    const T value = plane[offset];
    const bool wins = (value > most) | (where < 0) | (value != value);
    most = chosen(wins, value, most);
    where = chosen(wins, offset, where);
  };
  std::int64_t position = 0;
  for (std::int64_t od = 0; od < out[0]; ++od) {
    for (std::int64_t oh = 0; oh < out[1]; ++oh) {
      const bool row_inside = inside(0, od) && inside(1, oh);
      const std::int64_t d0 = od * stride[0] - pad[0], h0 = oh * stride[1] - pad[1];
      for (std::int64_t ow = 0; ow < out[2]; ++ow, ++position) {
        most = kLeast<T>;
        where = -1;
        if (row_inside && inside(2, ow)) {
          const std::int64_t w0 = ow * stride[2] - pad[2];
          for (std::int64_t kd = 0; kd < kernel[0]; ++kd)
            for (std::int64_t kh = 0; kh < kernel[1]; ++kh) {
              const std::int64_t row = ((d0 + kd * dilation[0]) * in[1] + h0 + kh * dilation[1]) * in[2] + w0;
              for (std::int64_t kw = 0; kw < kernel[2]; ++kw) challenge(row + kw * dilation[2]);
            }
        } else {
          for_window(window, position, [&](std::int64_t offset, std::int64_t) { challenge(offset); });
        }
        best[position] = most;
        offsets[position] = where;
      }
    }
  }
}

/// Calls f(plane of x, plane of y, where in the former each of the latter's windows has its largest element)
/// for each plane, one channel of one image. `scratch` holds largest_scratch() bytes.
template <class T, class F>
void for_largest(const SlidingWindow& window, const Shape& x, const T* elements, std::span<std::byte> scratch,
                 F f) noexcept {
  const std::int64_t in = SlidingWindow::volume(window.input), out = SlidingWindow::volume(window.output);
  Scratch memory(scratch);
  T* const best = memory.take<T>(out);
  std::int64_t* const offsets = memory.take<std::int64_t>(out);
  for (std::int64_t plane = 0; plane < x[0] * x[1]; ++plane) {
    find_largest(window, elements + plane * in, best, offsets);
    f(plane * in, plane * out, std::span<const std::int64_t>(offsets, static_cast<std::size_t>(out)));
  }
}

/// `y`: the pooled shape.
std::size_t largest_scratch(const Shape& y);

}  // namespace dormouse::engine
