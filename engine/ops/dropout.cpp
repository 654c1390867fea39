#include <algorithm>
#include <random>

#include "engine/ops/inference.h"
#include "engine/ops/types.h"

/// Dropout(x, ratio?, training_mode?): x, or in training mode x where a mask lets it through, divided by the
/// mask's mean, 1 - ratio; output 1 is the mask. It follows from the node's `seed` alone, by the generator of
/// ONNX's reference (NumPy's MT19937): the same in every run, which is what lets the gradient make it again.
namespace dormouse::engine {
namespace {

constexpr double kDefaultRatio = 0.5;

void infer(InferContext& context) {
  check_attribute<std::int64_t>(context, "seed");
  if (context.has_input(1)) {
    const DType type = context.dtype(1);
    const bool half = type == DType::f16 || type == DType::bf16;
    context.require(type == DType::f32 || type == DType::f64 || half,
                    "the ratio is not a floating-point number");
    const bool half_input = context.dtype(0) == DType::f16 || context.dtype(0) == DType::bf16;
    if (half && !half_input)
      context.unsupported("a ratio in half precision where x is in full");  // not widened
  }
  context.require(!context.has_input(2) || context.dtype(2) == DType::boolean, "training_mode is not bool");
  for (std::size_t i = 1; i < context.inputs(); ++i)
    context.require(!context.has_input(i) || !context.has_shape(i) || context.shape(i).rank() == 0 ||
                        context.shape(i) == Shape{1},
                    "the ratio and training_mode are scalars");
  for (std::size_t i = 0; i < context.outputs(); ++i) {
    const DType type = i == 0 ? context.dtype(0) : DType::boolean;
    context.has_shape(0) ? context.set_output(i, type, context.shape(0)) : context.set_output(i, type);
  }
}

// The share that is dropped, in [0, 1]; 0 when nothing is trained.
double dropped(const KernelContext& context) {
  const bool trains = context.has_input(2) && context.in<std::uint8_t>(2)[0] != 0;
  if (!trains) return 0;
  double ratio = kDefaultRatio;
  if (context.has_input(1))
    ratio = context.inputs[1].dtype == DType::f64 ? context.in<double>(1)[0]
                                                  : static_cast<double>(context.in<float>(1)[0]);
  return ratio > 0 ? std::min(ratio, 1.0) : 0;  // NaN drops nothing
}

// The next number in [0, 1) as NumPy draws it, of 53 bits.
double uniform(std::mt19937& random) {
  const std::uint64_t high = random() >> 5, low = random() >> 6;
  return static_cast<double>(high << 26 | low) * 0x1p-53;
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const double ratio = dropped(context);
  const std::span<const T> x = context.in<T>(0);
  const std::span<T> y = context.out<T>(0);
  const bool asked = context.outputs.size() > 1 && context.outputs[1].present();
  std::uint8_t* const mask = asked ? context.out<std::uint8_t>(1).data() : nullptr;
  if (ratio == 0) {
    if (y.data() != x.data()) std::ranges::copy(x, y.begin());
    if (mask) std::fill_n(mask, x.size(), std::uint8_t{1});
    return;
  }
  const T scale = ratio < 1 ? static_cast<T>(1 / (1 - ratio)) : T{0};
  std::mt19937 random(static_cast<std::uint32_t>(context.attributes.integer("seed", 0)));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool passes = uniform(random) >= ratio;
    y[i] = passes ? x[i] * scale : T{0};
    if (mask) mask[i] = passes;
  }
}

// What the node makes of ones is the factor of each element.
Gradients gradient(const GradientContext& context) {
  const Node& node = context.node();
  if (!context.has_input(2)) return {context.upstream()};
  const Value x = context.input(0), ones = broadcast_to(scalar_like(x, 1), x);
  const Value ratio = context.has_input(1) ? context.input(1) : Value{};
  return {context.upstream() * apply("Dropout", {ones, ratio, context.input(2)}, node.attributes)};
}

Sample training() {
  return {.shapes = {{2, 40}, {}, {}},
          .attributes = {{"seed", std::int64_t{7}}},
          .fixed = {{1, Tensor::scalar(0.25f)}, {2, Tensor::scalar(true)}}};
}

}  // namespace

namespace ops {
extern const Op dropout{
    .name = "Dropout",
    .since = 7,
    .max_inputs = 3,
    .max_outputs = 2,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .in_place = true,
    .samples = {{.shapes = {{2, 3}}}, training()}};
}  // namespace ops

}  // namespace dormouse::engine
