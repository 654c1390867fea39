#include "engine/kernels/moments.h"
#include "engine/kernels/strided.h"
#include "engine/ops/normalising.h"
#include "engine/ops/types.h"

/// LayerNormalization(x, scale, bias?) over the axes from `axis` on; outputs y, mean and 1/standard
/// deviation.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_attribute<float>(context, "epsilon");
  const DType type = context.dtype(0);
  const std::int64_t axis = context.attributes().integer("axis", -1);
  if (context.attributes().integer("stash_type", 1) != 1) context.unsupported("stash_type other than f32");
  context.require(context.dtype(1) == type && (!context.has_input(2) || context.dtype(2) == type),
                  "inputs differ in type");
  if (!context.has_shape(0)) {
    for (std::size_t i = 0; i < context.outputs(); ++i) context.set_output(i, type);
    return;
  }
  const Shape& x = context.shape(0);
  const std::size_t first = context.axis(axis, x.rank());
  for (std::size_t i = 1; i < 3; ++i) check_over_normalised(context, i, x, first);
  Shape statistics = x;
  for (std::size_t d = first; d < x.rank(); ++d) statistics[d] = 1;
  context.set_output(0, type, x);
  for (std::size_t i = 1; i < context.outputs(); ++i) context.set_output(i, type, statistics);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const std::size_t first = first_normalised_axis(context.attributes, shape.rank());
  const Shape inner(std::span(shape.extents()).subspan(first));
  const std::size_t length = static_cast<std::size_t>(inner.elements());
  if (length == 0) return;
  const auto optional = [&](std::size_t i) {
    return context.has_input(i) ? broadcast_strides(context.shape(i), inner)
                                : std::vector<std::int64_t>(inner.rank(), 0);
  };
  const StridedLoop<3> loop(inner, {strides(inner), optional(1), optional(2)});
  const T zero[1] = {0};
  const T* const scale = context.in<T>(1).data();
  const T* const bias = context.has_input(2) ? context.in<T>(2).data() : zero;
  for (std::size_t row = 0; row * length < context.in<T>(0).size(); ++row) {
    const std::span<const T> x = context.in<T>(0).subspan(row * length, length);
    const std::span<T> y = context.out<T>(0).subspan(row * length, length);
    const Moments<T> m = moments(x, static_cast<T>(epsilon(context.attributes)));
    loop.rows([&](std::int64_t count, const auto& offset, const auto& step) {
      for (std::int64_t i = 0; i < count; ++i) {
        const std::size_t at = static_cast<std::size_t>(offset[0] + i);
        y[at] = (x[at] - m.mean) * m.inverse * scale[offset[1] + i * step[1]] + bias[offset[2] + i * step[2]];
      }
    });
    if (context.outputs.size() > 1 && context.outputs[1].present()) context.out<T>(1)[row] = m.mean;
    if (context.outputs.size() > 2 && context.outputs[2].present()) context.out<T>(2)[row] = m.inverse;
  }
}

// With n = (x - mean) / deviation and g = dy · scale: dx = (g - mean(g) - n · mean(g · n)) / deviation.
Gradients gradient(const GradientContext& context) {
  if (context.upstream(0).id == kAbsent)
    throw Failure(Errc::unsupported, "LayerNormalization: no gradient of the mean or deviation alone");
  const Value x = context.input(0), upstream = context.upstream();
  const auto [n, dx] =
      standardised(x, upstream * context.input(1), normalised_axes(context.attributes(), x.shape().rank()),
                   epsilon(context.attributes()));
  Gradients result{dx, sum_to(upstream * n, context.input(1))};
  if (context.has_input(2)) result.push_back(sum_to(upstream, context.input(2)));
  return result;
}

}  // namespace

namespace ops {
extern const Op layer_normalization{
    .name = "LayerNormalization",
    .since = 17,
    .min_inputs = 2,
    .max_inputs = 3,
    .max_outputs = 3,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = {{.shapes = {{2, 5}, {5}, {5}}},
                {.shapes = {{2, 3, 4}, {3, 4}}, .attributes = {{"axis", std::int64_t{1}}}}}};
}  // namespace ops

}  // namespace dormouse::engine
