#include <algorithm>

#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

const Tensor* value_of(const Attributes& attributes) { return attributes.find<Tensor>("value"); }

void infer(InferContext& context) {
  const Tensor* const value = value_of(context.attributes());
  context.require(value == nullptr || value->elements() == 1, "value is not one element");
  const DType type = value != nullptr ? value->dtype() : DType::f32;
  context.require(context.dtype(0) == DType::i64, "expects the shape as i64");
  const Tensor* const shape = context.constant(0);
  if (shape == nullptr) return set_output_of_length(context, type, 0);
  context.require(shape->shape().rank() == 1, "expects the shape as a vector");
  std::vector<std::int64_t> extents = integer_values(context, *shape);
  for (const std::int64_t extent : extents) context.require(extent >= 0, "an extent is negative");
  set_checked_output(context, 0, type, Shape(std::move(extents)));
}

void compute(const KernelContext& context) noexcept {
  const View& out = context.outputs[0];
  const std::int64_t size = static_cast<std::int64_t>(size_of(out.dtype)), total = out.elements() * size;
  const Tensor* const value = value_of(context.attributes);
  if (value == nullptr || total == 0) {
    std::fill_n(out.data, total, std::byte{0});
    return;
  }
  // What is there already is copied behind itself, while it is still in cache.
  constexpr std::int64_t kRun = 1 << 14;
  std::copy_n(value->data(), size, out.data);
  for (std::int64_t done = size; done < total;) {
    const std::int64_t more = std::min({done, total - done, kRun});
    std::copy_n(out.data, more, out.data + done);
    done += more;
  }
}

}  // namespace

namespace ops {
extern const Op constant_of_shape{
    .name = "ConstantOfShape",
    .since = 9,
    .infer = infer,
    .kernels = {{DType::i64, compute}},
    .samples = {{.shapes = {{2}}, .fixed = {{0, Tensor::from<std::int64_t>({2}, {2, 3})}}},
                {.shapes = {{1}},
                 .attributes = {{"value", Tensor::from<std::int64_t>({1}, {7})}},
                 .fixed = {{0, Tensor::from<std::int64_t>({1}, {4})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
