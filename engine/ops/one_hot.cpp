#include <algorithm>

#include "engine/kernels/convert.h"
#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

std::int64_t as_integer(DType type, const std::byte* data) {
  std::int64_t result = 0;
  convert(type, data, DType::i64, reinterpret_cast<std::byte*>(&result), 1);
  return result;
}

// Where the new axis goes: it may also be the last of the result.
std::size_t new_axis(const InferContext& context, std::size_t rank) {
  return context.axis(context.attributes().integer("axis", -1), rank + 1);
}

void infer(InferContext& context) {
  check_attribute<std::int64_t>(context, "axis");
  context.require(!context.has_shape(1) || context.shape(1) == Shape{} || context.shape(1) == Shape{1},
                  "depth is not a scalar");
  context.require(!context.has_shape(2) || context.shape(2) == Shape{2}, "values are not [off, on]");
  const Tensor* const depth = context.constant(1);
  if (!context.has_shape(0) || depth == nullptr) return context.set_output(0, context.dtype(2));
  const Shape& indices = context.shape(0);
  const std::size_t axis = new_axis(context, indices.rank());
  const std::int64_t count = as_integer(depth->dtype(), depth->data());
  context.require(count >= 0, "depth is negative");
  Shape shape;
  for (std::size_t d = 0; d <= indices.rank(); ++d)
    shape.push_back(d < axis ? indices[d] : d == axis ? count : indices[d - 1]);
  set_checked_output(context, 0, context.dtype(2), std::move(shape));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.output_shape(0);
  const std::size_t axis = axis_index(context.attributes.integer("axis", -1), shape.rank());
  const std::int64_t depth = shape[axis], inner = shape.elements(axis + 1, shape.rank());
  const View& given = context.inputs[0];
  std::vector<std::int64_t> indices(static_cast<std::size_t>(given.elements()));
  convert(given.dtype, given.data, DType::i64, reinterpret_cast<std::byte*>(indices.data()), indices.size());
  const T off = context.in<T>(2)[0], on = context.in<T>(2)[1];
  T* const out = context.out<T>(0).data();
  std::ranges::fill(context.out<T>(0), off);
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const std::int64_t index = indices[i] < 0 ? indices[i] + depth : indices[i];
    if (index < 0 || index >= depth) continue;
    const std::int64_t position = static_cast<std::int64_t>(i);
    out[(position / inner * depth + index) * inner + position % inner] = on;
  }
}

}  // namespace

namespace ops {
extern const Op one_hot{.name = "OneHot",
                        .since = 9,
                        .min_inputs = 3,
                        .max_inputs = 3,
                        .kernel_input = 2,
                        .infer = infer,
                        .kernels = moving_kernels(compute<std::uint8_t>, compute<std::uint16_t>,
                                                  compute<std::uint32_t>, compute<std::uint64_t>),
                        .samples = {{.shapes = {{2, 2}, {}, {2}},
                                     .fixed = {{0, Tensor::from<std::int64_t>({2, 2}, {0, -1, 7, 1})},
                                               {1, Tensor::scalar<std::int64_t>(3)}}},
                                    {.shapes = {{3}, {1}, {2}},
                                     .attributes = {{"axis", std::int64_t{0}}},
                                     .fixed = {{0, Tensor::from<std::int64_t>({3}, {1, 0, 1})},
                                               {1, Tensor::from<std::int64_t>({1}, {2})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
