#include "engine/ops/parameter_update.h"

namespace dormouse::engine {

void infer_update(InferContext& context, std::size_t states, std::size_t scalars,
                  std::initializer_list<std::string_view> floats) {
  for (const std::string_view name : floats) check_attribute<float>(context, name);
  const DType type = context.dtype(0);
  const std::size_t tensors = 2 + states;
  for (std::size_t i = 0; i < tensors + scalars; ++i) {
    context.require(context.has_input(i), "an input is missing");
    context.require(context.dtype(i) == type, "inputs differ in type");
    if (i >= tensors)
      context.require(!context.has_shape(i) || context.shape(i).rank() == 0, "the rate is not a scalar");
    else
      context.require(!context.has_shape(0) || !context.has_shape(i) || context.shape(0) == context.shape(i),
                      "parameter, gradient and states differ in shape");
  }
  for (std::size_t i = 0; i < context.outputs(); ++i)
    context.has_shape(0) ? context.set_output(i, type, context.shape(0)) : context.set_output(i, type);
}

std::vector<Sample> update_samples(std::size_t states, std::size_t scalars, Attributes attributes) {
  Sample sample{.shapes = {}, .attributes = std::move(attributes), .low = 0.1};
  Sample plain{.shapes = {}, .low = 0.1};
  for (std::size_t i = 0; i < 2 + states; ++i) {
    sample.shapes.push_back({3, 5});
    plain.shapes.push_back({7});
  }
  for (std::size_t i = 0; i < scalars; ++i) {
    sample.shapes.push_back({});
    plain.shapes.push_back({});
  }
  return {sample, plain};
}

}  // namespace dormouse::engine
