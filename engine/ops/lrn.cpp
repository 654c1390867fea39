#include <algorithm>
#include <cmath>

#include "engine/ops/inference.h"
#include "engine/ops/types.h"

/// LRN(x): local response normalisation, y = x · d^-beta with d = bias + alpha / size · Σ x² over the `size`
/// channels around each.
namespace dormouse::engine {
namespace {

struct Settings {
  std::int64_t size;
  float alpha, beta, bias;

  explicit Settings(const Attributes& attributes)
      : size(attributes.integer("size", 0)),
        alpha(attributes.get<float>("alpha", 1e-4f)),
        beta(attributes.get<float>("beta", 0.75f)),
        bias(attributes.get<float>("bias", 1)) {}
  std::int64_t before() const { return (size - 1) / 2; }
  std::int64_t after() const { return size - 1 - before(); }
};

void infer(InferContext& context) {
  const Settings settings(context.attributes());
  context.require(settings.size >= 1 && settings.size <= 1 << 20, "size is missing or out of range");
  context.require(!context.has_shape(0) || context.shape(0).rank() >= 2, "expects [N, C, …]");
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  context.set_output(0, context.dtype(0), context.shape(0));
}

template <class T>
void normalise(const Settings& settings, const T* x, T* y, std::int64_t count) {
  const T factor = static_cast<T>(settings.alpha) / static_cast<T>(settings.size),
          bias = static_cast<T>(settings.bias), exponent = -static_cast<T>(settings.beta);
  if (settings.beta == 0.75f) {  // what every model uses; square roots vectorise
    for (std::int64_t i = 0; i < count; ++i) {
      const T root = std::sqrt(bias + factor * y[i]);
      y[i] = x[i] / (root * std::sqrt(root));
    }
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] * std::pow(bias + factor * y[i], exponent);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  const Settings settings(context.attributes);
  const std::int64_t channels = shape[1], plane = shape.elements(2, shape.rank());
  for (std::int64_t row = 0; row < shape[0] * channels; ++row) {
    const std::int64_t channel = row % channels, image = row - channel;
    const T* const x = context.in<T>(0).data();
    T* const y = context.out<T>(0).data() + row * plane;
    std::fill_n(y, plane, T{0});
    const std::int64_t first = std::max<std::int64_t>(0, channel - settings.before()),
                       last = std::min(channels - 1, channel + settings.after());
    for (std::int64_t c = first; c <= last; ++c) {
      const T* const near = x + (image + c) * plane;
      for (std::int64_t i = 0; i < plane; ++i) y[i] += near[i] * near[i];
    }
    normalise(settings, x + row * plane, y, plane);
  }
}

// Σ over the channels around each: an average, times its size, with channels as the only spatial dimension.
Value around(Value value, std::int64_t before, std::int64_t after) {
  const Value images = reshape(unsqueeze(value, {1}), {0, 0, 0, -1});
  const Value mean = apply("AveragePool", {images},
                           {{"kernel_shape", std::vector{before + after + 1, std::int64_t{1}}},
                            {"pads", std::vector<std::int64_t>{before, 0, after, 0}},
                            {"count_include_pad", std::int64_t{1}}});
  return reshape_to(mean, value) * static_cast<double>(before + after + 1);
}

// dx = dy · d^-β - 2 α β / size · x · Σ (dy · x · d^(-β - 1)), the sum over those whose window x is in.
Gradients gradient(const GradientContext& context) {
  const Settings settings(context.attributes());
  const Value x = context.input(0), dy = context.upstream();
  const double factor = static_cast<double>(settings.alpha) / static_cast<double>(settings.size),
               beta = static_cast<double>(settings.beta);
  const Value d =
      around(x * x, settings.before(), settings.after()) * factor + static_cast<double>(settings.bias);
  const Value power = apply("Pow", {d, scalar_like(d, -beta)}), share = dy * power;
  return {share - x * around(share * x / d, settings.after(), settings.before()) * (2 * factor * beta)};
}

}  // namespace

namespace ops {
extern const Op lrn{
    .name = "LRN",
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = {
        {.shapes = {{2, 5, 2, 3}}, .attributes = {{"size", std::int64_t{3}}, {"alpha", 0.5f}}},
        {.shapes = {{1, 4, 3}},
         .attributes = {{"size", std::int64_t{4}}, {"alpha", 0.5f}, {"beta", 0.5f}, {"bias", 2.0f}}}}};
}  // namespace ops

}  // namespace dormouse::engine
