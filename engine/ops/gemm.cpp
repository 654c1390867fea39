#include "engine/kernels/gemm.h"

#include "engine/kernels/strided.h"
#include "engine/ops/inference.h"
#include "engine/ops/types.h"

namespace dormouse::engine {
namespace {

struct Settings {
  float alpha, beta;
  bool transposed_a, transposed_b;
};

Settings read(const Attributes& attributes) {
  return {attributes.get<float>("alpha", 1), attributes.get<float>("beta", 1),
          attributes.integer("transA", 0) != 0, attributes.integer("transB", 0) != 0};
}

void infer(InferContext& context) {
  const Settings settings = read(context.attributes());
  const DType type = context.dtype(0);
  context.require(context.dtype(1) == type && (!context.has_input(2) || context.dtype(2) == type),
                  "inputs differ in type");
  if (!context.has_shape(0) || !context.has_shape(1)) return context.set_output(0, type);
  const Shape &a = context.shape(0), &b = context.shape(1);
  context.require(a.rank() == 2 && b.rank() == 2, "expects matrices");
  const std::int64_t left = a[settings.transposed_a ? 0 : 1], right = b[settings.transposed_b ? 1 : 0];
  context.require(compatible(left, right), "inner dimensions differ");
  Shape c{a[settings.transposed_a ? 1 : 0], b[settings.transposed_b ? 0 : 1]};
  if (context.has_input(2) && context.has_shape(2)) {
    const std::optional<Shape> both = broadcast(context.shape(2), c);
    context.require(both.has_value() && both->rank() == 2 && (!c.is_static() || *both == c),
                    "C does not broadcast to the product");
  }
  set_checked_output(context, 0, type, std::move(c));
}

std::int64_t depth(const KernelContext& context) {
  return context.shape(0)[read(context.attributes).transposed_a ? 0 : 1];
}

std::size_t scratch(const KernelContext& context) {
  return gemm_scratch(context.output_shape(0)[0], context.output_shape(0)[1], depth(context));
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Settings settings = read(context.attributes);
  const Shape& shape = context.output_shape(0);
  const std::int64_t m = shape[0], n = shape[1], k = depth(context);
  T* const out = context.out<T>(0).data();
  const bool added = context.has_input(2) && settings.beta != 0;
  if (added) {
    const T* const from = context.in<T>(2).data();
    StridedLoop<2>(shape, {strides(shape), broadcast_strides(context.shape(2), shape)})
        .rows([&](std::int64_t length, const auto& offset, const auto& step) {
          for (std::int64_t i = 0; i < length; ++i)
            out[offset[0] + i] = static_cast<T>(settings.beta) * from[offset[1] + i * step[1]];
        });
  }
  const Matrix<T> a = settings.transposed_a ? Matrix<T>{context.in<T>(0).data(), 1, m}
                                            : Matrix<T>{context.in<T>(0).data(), k};
  const Matrix<T> b = settings.transposed_b ? Matrix<T>{context.in<T>(1).data(), 1, k}
                                            : Matrix<T>{context.in<T>(1).data(), n};
  gemm<T>(m, n, k, static_cast<T>(settings.alpha), a, b, added, out, n, context.scratch);
}

Value product(Value a, Value b, bool transposed_a, bool transposed_b, float alpha) {
  return apply(
      "Gemm", {a, b},
      {{"alpha", alpha}, {"transA", std::int64_t{transposed_a}}, {"transB", std::int64_t{transposed_b}}});
}

Gradients gradient(const GradientContext& context) {
  const auto [alpha, beta, ta, tb] = read(context.attributes());
  const Value a = context.input(0), b = context.input(1), upstream = context.upstream();
  Gradients result{ta ? product(b, upstream, tb, true, alpha) : product(upstream, b, false, !tb, alpha),
                   tb ? product(upstream, a, true, ta, alpha) : product(a, upstream, !ta, false, alpha)};
  if (context.has_input(2)) {
    const Value dc = sum_to(upstream, context.input(2));
    result.push_back(beta == 1 ? dc : dc * static_cast<double>(beta));
  }
  return result;
}

Attributes flags(std::int64_t ta, std::int64_t tb, float alpha, float beta) {
  return {{"transA", ta}, {"transB", tb}, {"alpha", alpha}, {"beta", beta}};
}

}  // namespace

namespace ops {
extern const Op gemm{
    .name = "Gemm",
    .since = 7,
    .min_inputs = 2,
    .max_inputs = 3,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .scratch = scratch,
    .samples = {{.shapes = {{3, 4}, {4, 5}, {5}}},
                {.shapes = {{4, 3}, {4, 5}, {3, 1}}, .attributes = flags(1, 0, 0.5f, 2)},
                {.shapes = {{3, 4}, {5, 4}}, .attributes = flags(0, 1, 1, 1)},
                {.shapes = {{4, 3}, {5, 4}, {}}, .attributes = flags(1, 1, 2, 0.25f)}}};
}  // namespace ops

}  // namespace dormouse::engine
