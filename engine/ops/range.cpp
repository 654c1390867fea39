#include <algorithm>
#include <cmath>

#include "engine/ops/elementwise.h"

/// Range(start, limit, delta): start, start + delta, … up to but without the limit.
namespace dormouse::engine {
namespace {

// How many there are; 2^30 and one stands for more.
template <class T>
std::int64_t count(T start, T limit, T delta) {
  const long double steps = std::ceil((static_cast<long double>(limit) - static_cast<long double>(start)) /
                                      static_cast<long double>(delta));
  return std::isnan(steps)
             ? 0
             : static_cast<std::int64_t>(std::clamp(steps, 0.0L, static_cast<long double>(kMaxElements + 1)));
}

template <class T>
std::int64_t count(const InferContext& context) {
  const auto value = [&](std::size_t i) { return context.constant(i)->values<T>()[0]; };
  context.require(value(2) != T{0}, "delta is 0");
  return count(value(0), value(1), value(2));
}

std::int64_t count_of(const InferContext& context) {
  switch (context.dtype(0)) {
    case DType::f32:
      return count<float>(context);
    case DType::f64:
      return count<double>(context);
    case DType::i16:
      return count<std::int16_t>(context);
    case DType::i32:
      return count<std::int32_t>(context);
    case DType::i64:
      return count<std::int64_t>(context);
    default:
      context.unsupported("a range of " + std::string(word(context.dtype(0))));
  }
}

void infer(InferContext& context) {
  bool known = true;
  for (std::size_t i = 0; i < 3; ++i) {
    context.require(context.dtype(i) == context.dtype(0), "start, limit and delta differ in type");
    known = known && context.constant(i) != nullptr;
    context.require(!context.has_shape(i) || context.shape(i) == Shape{} || context.shape(i) == Shape{1},
                    "start, limit and delta must be scalars");
  }
  if (!known) return context.set_output(0, context.dtype(0));
  set_checked_output(context, 0, context.dtype(0), Shape{count_of(context)});
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Wrapping<T> start = static_cast<Wrapping<T>>(context.in<T>(0)[0]),
                    delta = static_cast<Wrapping<T>>(context.in<T>(2)[0]);
  const std::span<T> out = context.out<T>(0);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<T>(start + static_cast<Wrapping<T>>(i) * delta);
}

std::vector<std::pair<std::size_t, Tensor>> bounds(std::int64_t start, std::int64_t limit,
                                                   std::int64_t delta) {
  return {{0, Tensor::scalar(start)}, {1, Tensor::scalar(limit)}, {2, Tensor::scalar(delta)}};
}

}  // namespace

namespace ops {
extern const Op range{
    .name = "Range",
    .since = 11,
    .min_inputs = 3,
    .max_inputs = 3,
    .infer = infer,
    .kernels = kernels<float, double, std::int16_t, std::int32_t, std::int64_t>(
        compute<float>, compute<double>, compute<std::int16_t>, compute<std::int32_t>, compute<std::int64_t>),
    .samples = {{.shapes = {{}, {}, {}}, .fixed = bounds(3, 9, 2)},
                {.shapes = {{}, {}, {}}, .fixed = bounds(2, -3, -1)}}};
}  // namespace ops

}  // namespace dormouse::engine
