#include <algorithm>

#include "engine/ops/inference.h"

/// Trilu(x, k): each matrix keeps the triangle on one side of its k-th diagonal, `upper` or lower.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_attribute<std::int64_t>(context, "upper");
  if (context.has_input(1)) {
    context.require(context.dtype(1) == DType::i64, "k is not i64");
    context.require(!context.has_shape(1) || context.shape(1) == Shape{} || context.shape(1) == Shape{1},
                    "k is not a scalar");
  }
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  context.require(context.shape(0).rank() >= 2, "expects matrices");
  context.set_output(0, context.dtype(0), context.shape(0));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const std::int64_t rows = shape[shape.rank() - 2], columns = shape.back();
  const std::int64_t k =
      context.has_input(1) ? std::clamp<std::int64_t>(context.in<std::int64_t>(1)[0], -rows, columns) : 0;
  const bool upper = context.attributes.integer("upper", 1) != 0;
  const T* x = context.in<T>(0).data();
  T* y = context.out<T>(0).data();
  const std::int64_t lines = shape.elements(0, shape.rank() - 1);
  for (std::int64_t line = 0; line < lines; ++line, x += columns, y += columns) {
    const std::int64_t diagonal = line % rows + k;
    const std::int64_t cut = std::clamp<std::int64_t>(upper ? diagonal : diagonal + 1, 0, columns);
    if (upper) {
      std::fill_n(y, cut, T{0});
      std::copy(x + cut, x + columns, y + cut);
    } else {
      std::copy_n(x, cut, y);
      std::fill(y + cut, y + columns, T{0});
    }
  }
}

Gradients gradient(const GradientContext& context) {
  if (context.has_input(1))
    return {apply("Trilu", {context.upstream(), context.input(1)}, context.attributes())};
  return {apply("Trilu", {context.upstream()}, context.attributes())};
}

}  // namespace

namespace ops {
extern const Op trilu{.name = "Trilu",
                      .since = 14,
                      .max_inputs = 2,
                      .infer = infer,
                      .kernels = moving_kernels(compute<std::uint8_t>, compute<std::uint16_t>,
                                                compute<std::uint32_t>, compute<std::uint64_t>),
                      .gradient = gradient,
                      .samples = {{.shapes = {{3, 4}}},
                                  {.shapes = {{2, 4, 3}, {}},
                                   .attributes = {{"upper", std::int64_t{0}}},
                                   .fixed = {{1, Tensor::scalar<std::int64_t>(-1)}}}}};
}  // namespace ops

}  // namespace dormouse::engine
