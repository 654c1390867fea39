#include <algorithm>
#include <optional>

#include "engine/kernels/strided.h"
#include "engine/ops/inference.h"

/// MaxUnpool(x, indices, output_shape?): puts each element of x where MaxPool says it took it from; zeros
/// elsewhere. The indices count the elements of the shape that the attributes give; a larger output_shape
/// leaves zeros behind them.
namespace dormouse::engine {
namespace {

constexpr std::int64_t kMaxSetting = 1 << 20;

// What MaxPool with these attributes made `x` from.
Shape pooled_from(const Attributes& attributes, const Shape& x) {
  const std::vector<std::int64_t> kernel = attributes.integers("kernel_shape");
  std::vector<std::int64_t> strides = attributes.integers("strides"), pads = attributes.integers("pads");
  if (strides.empty()) strides.assign(kernel.size(), 1);
  if (pads.empty()) pads.assign(2 * kernel.size(), 0);
  Shape result = x;
  for (std::size_t d = 0; d < kernel.size(); ++d)
    if (x[d + 2] != kDynamic)
      result[d + 2] = std::max<std::int64_t>(
          (x[d + 2] - 1) * strides[d] + kernel[d] - pads[d] - pads[d + kernel.size()], 0);
  return result;
}

void check(const InferContext& context, std::size_t spatial) {
  const auto within = [](const std::vector<std::int64_t>& values, std::int64_t low) {
    return std::ranges::all_of(values, [low](std::int64_t v) { return v >= low && v <= kMaxSetting; });
  };
  const auto list = [&](std::string_view name) { return context.attributes().integers(name); };
  context.require(list("kernel_shape").size() == spatial && within(list("kernel_shape"), 1),
                  "kernel_shape is wrong");
  context.require(
      (list("strides").empty() || list("strides").size() == spatial) && within(list("strides"), 1),
      "strides are wrong");
  context.require((list("pads").empty() || list("pads").size() == 2 * spatial) && within(list("pads"), 0),
                  "pads are wrong");
}

void infer(InferContext& context) {
  context.require(context.dtype(1) == DType::i64, "the indices are not i64");
  const IntegerList told = integer_list(context, "output_shape", 2);
  if (!context.has_shape(0) || !told.known) return context.set_output(0, context.dtype(0));
  const Shape& x = context.shape(0);
  context.require(x.rank() >= 3, "expects [N, C, …]");
  context.require(
      !context.has_shape(1) || !x.is_static() || !context.shape(1).is_static() || context.shape(1) == x,
      "input and indices differ in shape");
  check(context, x.rank() - 2);
  for (const std::int64_t extent : x) context.require(extent <= kMaxElements, "an extent is out of range");
  Shape shape = pooled_from(context.attributes(), x);
  if (told.given) {
    context.require(told.values.size() == x.rank(), "output_shape has another rank than the input");
    for (std::size_t d = 0; d < x.rank(); ++d)
      context.require(told.values[d] >= std::max<std::int64_t>(shape[d], 0),
                      "output_shape is smaller than what was pooled");
    shape = Shape(told.values);
  }
  set_checked_output(context, 0, context.dtype(0), std::move(shape));
}

// An index outside of the output writes nothing.
template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape from = pooled_from(context.attributes, context.shape(0));
  const Shape& to = context.output_shape(0);
  const std::vector<std::int64_t> step = strides(to);
  const std::int64_t elements = from.elements();
  std::ranges::fill(context.out<T>(0), T{0});
  for (std::size_t i = 0; i < context.in<T>(0).size(); ++i) {
    std::int64_t index = context.in<std::int64_t>(1)[i], offset = 0;
    if (index < 0 || index >= elements) continue;
    for (std::size_t d = from.rank(); d-- > 0; index /= from[d]) offset += index % from[d] * step[d];
    context.out<T>(0)[static_cast<std::size_t>(offset)] = context.in<T>(0)[i];
  }
}

Gradients gradient(const GradientContext& context) {
  if (context.has_input(2))
    throw Failure(Errc::unsupported, "MaxUnpool: no gradient when an output_shape is given");
  return {apply("Gather", {reshape(context.upstream(), {-1}), context.input(1)})};
}

using Integers = std::vector<std::int64_t>;

Tensor indices() { return Tensor::from<std::int64_t>({1, 1, 2, 2}, {5, 7, 13, 15}); }

}  // namespace

namespace ops {
extern const Op max_unpool{
    .name = "MaxUnpool",
    .since = 9,
    .min_inputs = 2,
    .max_inputs = 3,
    .infer = infer,
    .kernels = moving_kernels(compute<std::uint8_t>, compute<std::uint16_t>, compute<std::uint32_t>,
                              compute<std::uint64_t>),
    .gradient = gradient,
    .samples = {{.shapes = {{1, 1, 2, 2}, {1, 1, 2, 2}},
                 .attributes = {{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}},
                 .fixed = {{1, indices()}}},
                {.shapes = {{1, 1, 2, 2}, {1, 1, 2, 2}, {4}},
                 .attributes = {{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}},
                 .fixed = {{1, indices()}, {2, Tensor::from<std::int64_t>({4}, {1, 1, 5, 5})}},
                 .frozen = {0}}}};
}  // namespace ops

}  // namespace dormouse::engine
