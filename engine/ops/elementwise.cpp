#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

void infer_broadcast_as(InferContext& context, DType result) {
  Shape shape;
  bool known = true;
  for (std::size_t i = 0; i < context.inputs(); ++i) {
    context.require(context.has_input(i), "an input is missing");
    context.require(context.dtype(i) == context.dtype(0), "inputs differ in type");
    known = known && context.has_shape(i);
    if (!known) continue;
    const std::optional<Shape> both = broadcast(shape, context.shape(i));
    context.require(both.has_value(), "shapes do not broadcast");
    shape = *both;
  }
  known ? set_checked_output(context, 0, result, std::move(shape)) : context.set_output(0, result);
}

}  // namespace

void infer_like_input(InferContext& context) {
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  context.set_output(0, context.dtype(0), context.shape(0));
}

void infer_broadcast(InferContext& context) { infer_broadcast_as(context, context.dtype(0)); }

void infer_comparison(InferContext& context) { infer_broadcast_as(context, DType::boolean); }

void infer_predicate(InferContext& context) {
  if (!context.has_shape(0)) return context.set_output(0, DType::boolean);
  context.set_output(0, DType::boolean, context.shape(0));
}

Gradients flat_gradient(const GradientContext&) { return {Value{}}; }

std::vector<Sample> unary_samples(double low, double high) {
  return {{.shapes = {{2, 3}}, .low = low, .high = high},
          {.shapes = {{1, 257}}, .low = low, .high = high},
          {.shapes = {{}}, .low = low, .high = high}};
}

}  // namespace dormouse::engine
