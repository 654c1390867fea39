#include <algorithm>
#include <cmath>

#include "engine/ops/inference.h"
#include "engine/ops/types.h"

namespace dormouse::engine {
namespace {

constexpr std::size_t kKeys = 1, kValues = 2, kOtherwise = 3;

void infer(InferContext& context) {
  const DType result = context.dtype(kValues);
  context.require(context.dtype(kKeys) == context.dtype(0),
                  "keys are of another type than what is looked up");
  context.require(context.dtype(kOtherwise) == result, "values differ in type");
  for (const std::size_t i : {kKeys, kValues, kOtherwise})
    if (context.has_shape(i)) context.require(context.shape(i).rank() == 1, "keys and values are not lists");
  if (context.has_shape(kKeys) && context.has_shape(kValues))
    context.require(compatible(context.shape(kKeys)[0], context.shape(kValues)[0]),
                    "has not as many values as keys");
  if (context.has_shape(kOtherwise))
    context.require(compatible(context.shape(kOtherwise)[0], 1), "the value for other keys is not one");
  if (!context.has_shape(0)) return context.set_output(0, result);
  context.set_output(0, result, context.shape(0));
}

// Keys are sorted, NaN last; it finds every NaN.
template <class T>
bool before(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
  return a < b;
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const auto keys = context.in<T>(kKeys);
  const std::size_t size = size_of(context.inputs[kValues].dtype);
  std::byte* to = context.outputs[0].data;
  for (const T key : context.in<T>(0)) {
    const auto found = std::ranges::lower_bound(keys, key, before<T>);
    const bool there = found != keys.end() && !before(key, *found);
    const std::byte* const from =
        there ? context.inputs[kValues].data + static_cast<std::size_t>(found - keys.begin()) * size
              : context.inputs[kOtherwise].data;
    to = std::copy_n(from, size, to);
  }
}

}  // namespace

namespace ops {
extern const Op look_up{
    .name = "LookUp",
    .domain = "dormouse",
    .min_inputs = 4,
    .max_inputs = 4,
    .infer = infer,
    .kernels = kernels_for(Types<float, double, std::int16_t, std::int32_t, std::int64_t>{},
                           []<class T>() { return compute<T>; }),
    .samples = {{.shapes = {{2, 3}, {2}, {2}, {1}},
                 .fixed = {{0, Tensor::from<std::int64_t>({2, 3}, {7, 1, 2, 7, 0, -1})},
                           {1, Tensor::from<std::int64_t>({2}, {1, 7})},
                           {2, Tensor::from<std::int64_t>({2}, {10, 70})},
                           {3, Tensor::from<std::int64_t>({1}, {-1})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
