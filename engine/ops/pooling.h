#pragma once

#include <algorithm>
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

/// Where in a plane an element lies: as wide as the elements, so that loops over both vectorise.
template <class T>
using Offset = std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>;

/// For each window of a plane its largest element, the first of equals and NaN above all, and where in the
/// plane that is: kLeast and -1 when there is only padding. `best` and `offsets` have one place for each.
/// Element after element of the kernel over all outputs at once.
template <class T>
void find_largest(const SlidingWindow& window, const T* plane, T* best, Offset<T>* offsets) noexcept {
  const std::int64_t outputs = SlidingWindow::volume(window.output);
  std::fill_n(best, outputs, kLeast<T>);
  std::fill_n(offsets, outputs, Offset<T>{-1});
  for (std::int64_t element = 0; element < SlidingWindow::volume(window.kernel); ++element)
    for_runs(window, element, 0, outputs, [&](const SlidingRun& run) {
      T* const most = best + run.column;
      Offset<T>* const where = offsets + run.column;
      const T* const from = plane + run.input;
      const auto input = static_cast<Offset<T>>(run.input), step = static_cast<Offset<T>>(run.step);
      for (std::int64_t j = run.valid_begin; j < run.valid_end; ++j) {
        const T value = from[j * run.step];
        const bool wins = (value > most[j]) | (where[j] < 0) | (value != value);
        most[j] = wins ? value : most[j];
        where[j] = wins ? static_cast<Offset<T>>(input + static_cast<Offset<T>>(j) * step) : where[j];
      }
    });
}

/// Calls f(plane of x, plane of y, where in the former each of the latter's windows has its largest element)
/// for each plane, one channel of one image. `scratch` holds largest_scratch() bytes.
template <class T, class F>
void for_largest(const SlidingWindow& window, const Shape& x, const T* elements, std::span<std::byte> scratch,
                 F f) noexcept {
  const std::int64_t in = SlidingWindow::volume(window.input), out = SlidingWindow::volume(window.output);
  Scratch memory(scratch);
  T* const best = memory.take<T>(out);
  Offset<T>* const offsets = memory.take<Offset<T>>(out);
  for (std::int64_t plane = 0; plane < x[0] * x[1]; ++plane) {
    find_largest(window, elements + plane * in, best, offsets);
    f(plane * in, plane * out, std::span<const Offset<T>>(offsets, static_cast<std::size_t>(out)));
  }
}

/// `y`: the pooled shape.
std::size_t largest_scratch(const Shape& y);

}  // namespace dormouse::engine
