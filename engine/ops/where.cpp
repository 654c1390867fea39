#include "engine/kernels/strided.h"
#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  context.require(context.dtype(0) == DType::boolean, "the condition is not bool");
  context.require(context.dtype(1) == context.dtype(2), "both branches must have one type");
  Shape shape;
  for (std::size_t i = 0; i < 3; ++i) {
    if (!context.has_shape(i)) return context.set_output(0, context.dtype(1));
    const std::optional<Shape> both = broadcast(shape, context.shape(i));
    context.require(both.has_value(), "shapes do not broadcast");
    shape = *both;
  }
  set_checked_output(context, 0, context.dtype(1), std::move(shape));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.output_shape(0);
  const auto strides_of = [&](std::size_t i) { return broadcast_strides(context.shape(i), shape); };
  const std::uint8_t* const condition = context.in<std::uint8_t>(0).data();
  const T* const a = context.in<T>(1).data();
  const T* const b = context.in<T>(2).data();
  T* const out = context.out<T>(0).data();
  StridedLoop<4>(shape, {strides(shape), strides_of(0), strides_of(1), strides_of(2)})
      .rows([&](std::int64_t length, const auto& offset, const auto& step) {
        const std::uint8_t* const flags = condition + offset[1];
        const T *const x = a + offset[2], *const y = b + offset[3];
        T* const to = out + offset[0];
        const auto choose = [&](auto flag, auto left, auto right) {
          for (std::int64_t i = 0; i < length; ++i) {
            const T one = left(i), other = right(i);  // both are read, so that the loop vectorises
            to[i] = flag(i) ? one : other;
          }
        };
        const auto row = [](const auto* from) { return [from](std::int64_t i) { return from[i]; }; };
        const auto all = [](const auto* from) { return [value = *from](std::int64_t) { return value; }; };
        if (step[1] == 1 && step[2] == 1 && step[3] == 1) return choose(row(flags), row(x), row(y));
        if (step[1] == 1 && step[2] == 1 && step[3] == 0) return choose(row(flags), row(x), all(y));
        if (step[1] == 1 && step[2] == 0 && step[3] == 1) return choose(row(flags), all(x), row(y));
        for (std::int64_t i = 0; i < length; ++i)
          to[i] = flags[i * step[1]] != 0 ? x[i * step[2]] : y[i * step[3]];
      });
}

Gradients gradient(const GradientContext& context) {
  const Value condition = context.input(0), upstream = context.upstream(), zero = scalar_like(upstream, 0);
  return {Value{}, sum_to(where(condition, upstream, zero), context.input(1)),
          sum_to(where(condition, zero, upstream), context.input(2))};
}

Tensor flags() { return Tensor::from<bool>({3}, {true, false, true}); }

}  // namespace

namespace ops {
extern const Op where{.name = "Where",
                      .since = 9,
                      .min_inputs = 3,
                      .max_inputs = 3,
                      .kernel_input = 1,
                      .infer = infer,
                      .kernels = moving_kernels(compute<std::uint8_t>, compute<std::uint16_t>,
                                                compute<std::uint32_t>, compute<std::uint64_t>),
                      .gradient = gradient,
                      .elementwise = true,
                      .samples = {{.shapes = {{3}, {2, 3}, {2, 3}}, .fixed = {{0, flags()}}},
                                  {.shapes = {{3}, {2, 1}, {}}, .fixed = {{0, flags()}}}}};
}  // namespace ops

}  // namespace dormouse::engine
