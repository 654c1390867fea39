#include "engine/kernels/convert.h"
#include "engine/ops/inference.h"

/// NonZero(x): the indices of the elements that are not 0, [rank, how many]. The shape depends on the data.
namespace dormouse::engine {
namespace {

// One byte per element: whether it is not 0.
std::vector<std::uint8_t> flags(DType type, const std::byte* data, std::int64_t elements) {
  std::vector<std::uint8_t> result(static_cast<std::size_t>(elements));
  convert(type, data, DType::boolean, reinterpret_cast<std::byte*>(result.data()), result.size());
  return result;
}

void infer(InferContext& context) {
  const Tensor* const x = context.constant(0);
  if (x == nullptr) return context.set_output(0, DType::i64);
  std::int64_t count = 0;
  for (const std::uint8_t flag : flags(x->dtype(), x->data(), x->elements())) count += flag;
  context.set_output(0, DType::i64, {static_cast<std::int64_t>(x->shape().rank()), count});
}

void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const std::span<std::int64_t> out = context.out<std::int64_t>(0);
  const std::size_t count = static_cast<std::size_t>(context.output_shape(0)[1]);
  std::size_t found = 0;
  std::int64_t position = 0;
  for (const std::uint8_t flag : flags(context.inputs[0].dtype, context.inputs[0].data, shape.elements())) {
    std::int64_t rest = position++;
    if (flag == 0 || found == count) continue;
    for (std::size_t d = shape.rank(); d-- > 0; rest /= shape[d]) out[d * count + found] = rest % shape[d];
    ++found;
  }
}

Tensor mixed() { return Tensor::from<float>({2, 3}, {0, 1, -2, 3, 0, 0}); }

}  // namespace

namespace ops {
extern const Op non_zero{.name = "NonZero",
                         .since = 9,
                         .infer = infer,
                         .kernels = moving_kernels(compute, compute, compute, compute),
                         .samples = {{.shapes = {{2, 3}}, .fixed = {{0, mixed()}}}, {.shapes = {{4, 5}}}}};
}  // namespace ops

}  // namespace dormouse::engine
