#include "engine/ops/optimiser.h"

namespace dormouse::engine {
namespace {

void check_scalars(const InferContext& context) {
  context.require(context.dtype(0) == DType::f32 || context.dtype(0) == DType::f64,
                  "the rate is not f32 or f64");
  context.require(context.dtype(1) == DType::i64, "the number of updates is not i64");
  for (std::size_t i = 0; i < 2; ++i)
    context.require(!context.has_shape(i) || context.shape(i).rank() == 0 || context.shape(i) == Shape{1},
                    "the rate and the number of updates are scalars");
}

}  // namespace

void infer_optimiser(InferContext& context, std::size_t states) {
  check_scalars(context);
  const std::size_t tensors = context.inputs() - 2, kinds = 2 + states, count = tensors / kinds;
  context.require(tensors > 0 && tensors % kinds == 0,
                  "there is not a gradient and a state for each parameter");
  context.require(context.outputs() <= (1 + states) * count, "more outputs than parameters and states");
  const DType type = context.dtype(2);
  for (std::size_t i = 2; i < context.inputs(); ++i) {
    context.require(context.has_input(i), "an input is missing");
    if (context.dtype(i) != type)
      context.unsupported("parameters of several types; update them by one node each");
    const std::size_t parameter = 2 + (i - 2) % count;
    context.require(!context.has_shape(i) || !context.has_shape(parameter) ||
                        context.shape(i) == context.shape(parameter),
                    "parameter, gradient and state differ in shape");
  }
  for (std::size_t i = 0; i < context.outputs(); ++i) {
    const std::size_t parameter = 2 + i % count;
    context.has_shape(parameter) ? context.set_output(i, type, context.shape(parameter))
                                 : context.set_output(i, type);
  }
}

double learning_rate(const KernelContext& context) {
  return context.inputs[0].dtype == DType::f64 ? context.in<double>(0)[0]
                                               : static_cast<double>(context.in<float>(0)[0]);
}

std::int64_t updates_before(const KernelContext& context) { return context.in<std::int64_t>(1)[0]; }

std::vector<Sample> optimiser_samples(std::size_t states, Attributes attributes) {
  Sample one{.shapes = {{}, {}}, .attributes = std::move(attributes), .low = 0.1};
  one.fixed = {{1, Tensor::scalar<std::int64_t>(3)}};
  Sample two = one;
  two.fixed = {{1, Tensor::scalar<std::int64_t>(0)}};
  for (std::size_t kind = 0; kind < 2 + states; ++kind) {
    one.shapes.push_back({4});
    two.shapes.insert(two.shapes.end(), {{2, 3}, {}});
  }
  return {one, two};
}

}  // namespace dormouse::engine
