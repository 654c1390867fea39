#include "engine/ops/group_normalising.h"

#include "engine/kernels/moments.h"
#include "engine/ops/normalising.h"
#include "engine/ops/types.h"

namespace dormouse::engine {
namespace {

std::int64_t groups_of(const Attributes& attributes, std::int64_t channels) {
  return attributes.integer("num_groups", channels);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const std::int64_t channels = shape[1], groups = groups_of(context.attributes, channels);
  const std::size_t plane = static_cast<std::size_t>(shape.elements(2, shape.rank()));
  if (context.in<T>(0).empty()) return;
  const std::size_t together = static_cast<std::size_t>(channels / groups), length = together * plane;
  // By opset 18 of GroupNormalization there is one scale per group, later and elsewhere one per channel.
  const bool per_channel = context.shape(1)[0] == channels;
  const std::size_t parts = per_channel ? together : 1, part = length / parts;
  const std::span<const T> scale = context.in<T>(1), bias = context.in<T>(2);
  for (std::size_t first = 0; first < context.in<T>(0).size(); first += length) {
    const std::span<const T> x = context.in<T>(0).subspan(first, length);
    const std::span<T> y = context.out<T>(0).subspan(first, length);
    const Moments<T> m = moments(x, static_cast<T>(epsilon(context.attributes)));
    for (std::size_t p = 0; p < parts; ++p) {
      const std::size_t which = (first / part + p) % scale.size();
      const T factor = m.inverse * scale[which], offset = bias[which] - m.mean * factor;
      for (std::size_t i = p * part; i < (p + 1) * part; ++i) y[i] = x[i] * factor + offset;
    }
  }
}

}  // namespace

void infer_group_normalisation(InferContext& context, std::int64_t groups) {
  check_attribute<float>(context, "epsilon");
  for (std::size_t i = 1; i < 3; ++i)
    context.require(context.dtype(i) == context.dtype(0), "inputs differ in type");
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  const Shape& x = context.shape(0);
  context.require(x.rank() >= 3, "expects [N, C, …]");
  context.require(x[1] == kDynamic || groups == 0 || x[1] % groups == 0,
                  "num_groups does not divide the channels");
  const auto one_each = [&](const Shape& parameter) {
    return compatible(parameter, {x[1]}) || (groups > 0 && parameter == Shape{groups});
  };
  for (std::size_t i = 1; i < 3; ++i)
    context.require(!context.has_shape(i) || one_each(context.shape(i)),
                    "scale and bias must have one value per channel");
  context.require(!context.has_shape(1) || !context.has_shape(2) ||
                      broadcast(context.shape(1), context.shape(2)) == context.shape(1),
                  "scale and bias differ in length");
  context.set_output(0, context.dtype(0), x);
}

Kernels group_normalisation_kernels() {
  return kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; });
}

Gradients group_normalisation_gradient(const GradientContext& context) {
  const Value x = context.input(0), scale = context.input(1), upstream = context.upstream();
  const Shape& shape = x.shape();
  const std::int64_t groups = groups_of(context.attributes(), shape[1]);
  if (groups == kDynamic || !scale.shape().is_static())
    throw Failure(Errc::unsupported, "normalisation of groups: no gradient when the channels are open");
  const auto grouped = [&](Value value) { return reshape(value, {0, groups, -1}); };
  const bool per_channel = scale.shape()[0] == shape[1];
  std::vector<std::int64_t> column(per_channel ? shape.rank() - 1 : 2, 1);  // broadcasts along its axis
  column[0] = -1;
  const Value factor = reshape(scale, column);
  const Value dy = per_channel ? upstream : grouped(upstream);

  const auto [n, dx] = standardised(grouped(x), grouped(dy * factor), {2}, epsilon(context.attributes()));
  const auto collect = [&](Value value) { return reshape_to(sum_to(value, factor), scale); };
  return {reshape_to(dx, x), collect(dy * reshape_to(n, dy)), collect(dy)};
}

}  // namespace dormouse::engine
