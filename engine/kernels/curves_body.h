// The loops of curves.h, included by one file per instruction set, each compiled with its own flags: as
// gemm_tile_body.h, nothing here may be shared between them.

#pragma once

#include "engine/kernels/curves.h"
#include "engine/kernels/exponential.h"
#include "engine/kernels/trigonometry.h"

namespace dormouse::engine {
namespace {

template <float (*f)(float)>
void each(const float* from, float* to, std::int64_t count) noexcept {
  for (std::int64_t i = 0; i < count; ++i) to[i] = f(from[i]);
}

float far_cos(float x) { return __builtin_cosf(x); }
float far_sin(float x) { return __builtin_sinf(x); }

/// `exact` where an argument is too far away, or is none.
template <float (*fast)(float), float (*exact)(float)>
void periodic(const float* from, float* to, std::int64_t count) noexcept {
  std::int64_t near = 0;
  for (std::int64_t i = 0; i < count; ++i) near += __builtin_fabsf(from[i]) <= kFarthest;
  if (near == count) return each<fast>(from, to, count);
  for (std::int64_t i = 0; i < count; ++i) to[i] = exact(from[i]);
}

/// As many running results as vectors hold side by side.
constexpr std::int64_t kLanes = 16;

float log_sum_exp(const float* x, std::int64_t count) noexcept {
  const std::int64_t whole = count - count % kLanes;
  float highest[kLanes], sums[kLanes];
  for (float& lane : highest) lane = x[0];
  for (std::int64_t i = 0; i < whole; i += kLanes)
    for (std::int64_t j = 0; j < kLanes; ++j) highest[j] = highest[j] < x[i + j] ? x[i + j] : highest[j];
  float top = highest[0];
  for (const float lane : highest) top = top < lane ? lane : top;
  for (std::int64_t i = whole; i < count; ++i) top = top < x[i] ? x[i] : top;
  for (float& lane : sums) lane = 0;
  for (std::int64_t i = 0; i < whole; i += kLanes)
    for (std::int64_t j = 0; j < kLanes; ++j) sums[j] += fast_exp(x[i + j] - top);
  float sum = 0;
  for (const float lane : sums) sum += lane;
  for (std::int64_t i = whole; i < count; ++i) sum += fast_exp(x[i] - top);
  return top + __builtin_logf(sum);
}

constexpr Curves kCurves{.acos = each<fast_acos>,
                         .asin = each<fast_asin>,
                         .atan = each<fast_atan>,
                         .cos = periodic<fast_cos, far_cos>,
                         .erf = each<fast_erf>,
                         .exp = each<full_exp>,
                         .logistic = each<fast_logistic>,
                         .sin = periodic<fast_sin, far_sin>,
                         .tanh = each<fast_tanh>,
                         .log_sum_exp = log_sum_exp};

}  // namespace
}  // namespace dormouse::engine
