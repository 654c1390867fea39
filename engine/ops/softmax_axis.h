#pragma once

#include <algorithm>
#include <cmath>

#include "engine/kernels/curves.h"
#include "engine/kernels/lines.h"
#include "engine/ops/inference.h"

/// What Softmax, LogSoftmax and the losses on them share.
namespace dormouse::engine {

/// The output is like input 0, and `axis` (default -1) lies in its rank.
void infer_softmax(InferContext& context);

/// The lines along the node's axis.
Lines softmax_lines(const KernelContext& context);

/// ln Σ eˣ over `length` elements that lie `step` apart.
template <class T>
T log_sum_exp(const T* x, std::int64_t length, std::int64_t step) noexcept {
  if constexpr (std::is_same_v<T, float>)
    if (step == 1) return best_curves().log_sum_exp(x, length);
  const std::int64_t end = length * step;
  T highest = x[0];
  for (std::int64_t i = step; i < end; i += step) highest = std::max(highest, x[i]);
  T sum = 0;
  for (std::int64_t i = 0; i < end; i += step) sum += std::exp(x[i] - highest);
  return highest + std::log(sum);
}

/// y = log softmax(x) along each line. `y` may be `x`.
template <class T>
void log_softmax_lines(const Lines& lines, const T* from, T* to) noexcept {
  const std::int64_t step = lines.inner_count, end = lines.length * step;
  if (end == 0) return;
  lines.each([&](std::int64_t first, std::int64_t) {
    const T* const x = from + first;
    T* const y = to + first;
    const T shift = log_sum_exp(x, lines.length, step);
    for (std::int64_t i = 0; i < end; i += step) y[i] = x[i] - shift;
  });
}

}  // namespace dormouse::engine
