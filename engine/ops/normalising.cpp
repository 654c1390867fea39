#include "engine/ops/normalising.h"

namespace dormouse::engine {

float epsilon(const Attributes& attributes) { return attributes.get<float>("epsilon", 1e-5f); }

void check_per_channel(const InferContext& context, const Shape& x) {
  context.require(x.rank() >= 2, "expects [N, C, …]");
  for (std::size_t i = 1; i < 5; ++i)
    context.require(!context.has_shape(i) || compatible(context.shape(i), {x[1]}),
                    "scale, bias, mean and variance must have one value per channel");
}

Value along_channels(Value parameter, std::size_t rank) {
  std::vector<std::int64_t> column(rank - 1, 1);
  column[0] = -1;
  return reshape(parameter, column);
}

std::size_t first_normalised_axis(const Attributes& attributes, std::size_t rank) {
  return axis_index(attributes.integer("axis", -1), rank);
}

std::vector<std::int64_t> normalised_axes(const Attributes& attributes, std::size_t rank) {
  std::vector<std::int64_t> axes;
  for (std::size_t d = first_normalised_axis(attributes, rank); d < rank; ++d)
    axes.push_back(static_cast<std::int64_t>(d));
  return axes;
}

void check_over_normalised(const InferContext& context, std::size_t i, const Shape& x, std::size_t first) {
  if (!context.has_input(i) || !context.has_shape(i)) return;
  const Shape normalised(std::span(x.extents()).subspan(first));
  const std::optional<Shape> both = broadcast(context.shape(i), normalised);
  context.require(
      both && both->rank() == normalised.rank() && (!normalised.is_static() || *both == normalised),
      "scale and bias must broadcast to the normalised axes");
}

Standardised standardised(Value x, Value g, const std::vector<std::int64_t>& axes, float epsilon) {
  const auto mean = [&](Value value) { return reduce_mean(value, axes, true); };
  const Value centred = x - mean(x);
  const Value deviation = sqrt(mean(centred * centred) + static_cast<double>(epsilon));
  const Value n = centred / deviation;
  return {n, (g - mean(g) - n * mean(g * n)) / deviation};
}

}  // namespace dormouse::engine
