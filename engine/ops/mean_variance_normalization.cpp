#include <cmath>
#include <functional>

#include "engine/ops/reduction.h"
#include "engine/ops/types.h"

/// MeanVarianceNormalization(x): (x - mean) / (standard deviation + 1e-9) over `axes`.
namespace dormouse::engine {
namespace {

constexpr double kEpsilon = 1e-9;

std::vector<std::int64_t> axes_of(const Attributes& attributes) {
  return attributes.get<std::vector<std::int64_t>>("axes", {0, 2, 3});
}

void infer(InferContext& context) {
  check_attribute<std::vector<std::int64_t>>(context, "axes");
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  axis_mask(context, axes_of(context.attributes()), context.shape(0).rank());
  context.set_output(0, context.dtype(0), context.shape(0));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const std::vector<bool> mask = axis_mask(axes_of(context.attributes), shape.rank());
  Shape kept = shape;
  for (std::size_t d = 0; d < shape.rank(); ++d)
    if (mask[d]) kept[d] = 1;
  const std::vector<std::int64_t> to = broadcast_strides(kept, shape);
  const std::size_t groups = static_cast<std::size_t>(kept.elements());
  const T* const x = context.in<T>(0).data();
  T* const y = context.out<T>(0).data();
  std::vector<T> means(groups, T{0}), squares(groups, T{0});
  fold<Sum>(x, shape, means.data(), to, T{0});
  const T count = groups == 0 ? T{1} : static_cast<T>(shape.elements()) / static_cast<T>(groups);
  for (T& mean : means) mean /= count;
  const StridedLoop<2> loop(shape, {strides(shape), to});
  // y = f(from, what its group has)
  const auto with_groups = [&](const T* from, const std::vector<T>& groups_have, auto f) {
    loop.rows([&](std::int64_t length, const auto& offset, const auto& step) {
      const T *const in = from + offset[0], *const group = groups_have.data() + offset[1];
      T* const out = y + offset[0];
      if (const T one = *group; step[1] == 0)
        for (std::int64_t i = 0; i < length; ++i) out[i] = f(in[i], one);
      else
        for (std::int64_t i = 0; i < length; ++i) out[i] = f(in[i], group[i * step[1]]);
    });
  };
  with_groups(x, means, std::minus{});
  fold<AddSquare, Sum>(y, shape, squares.data(), to, T{0});
  for (T& spread : squares) spread = T{1} / (std::sqrt(spread / count) + static_cast<T>(kEpsilon));
  with_groups(y, squares, std::multiplies{});
}

// With c = x - mean, d = deviation: dx = (dy - mean(dy)) / (d + ε) - c · mean(dy · c) / (d · (d + ε)²).
Gradients gradient(const GradientContext& context) {
  const Value x = context.input(0), dy = context.upstream();
  const std::vector<std::int64_t> axes = axes_of(context.attributes());
  const auto mean = [&](Value value) { return reduce_mean(value, axes, true); };
  const Value centred = x - mean(x), deviation = sqrt(mean(centred * centred)), d = deviation + kEpsilon;
  return {(dy - mean(dy)) / d - centred * mean(dy * centred) / (deviation * d * d)};
}

}  // namespace

namespace ops {
extern const Op mean_variance_normalization{
    .name = "MeanVarianceNormalization",
    .since = 9,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = {{.shapes = {{2, 3, 2, 2}}},
                {.shapes = {{3, 4}}, .attributes = {{"axes", std::vector<std::int64_t>{-1}}}}}};
}  // namespace ops

}  // namespace dormouse::engine
