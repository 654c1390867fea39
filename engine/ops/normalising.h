#pragma once

#include <cmath>

#include "engine/ops/inference.h"

/// What the normalisations share: their attribute `epsilon`, parameters per channel or over the last axes,
/// and the gradient through a mean and a deviation.
namespace dormouse::engine {

/// Added to a variance before its root is taken.
float epsilon(const Attributes& attributes);

/// Of BatchNormalization and its training form, inputs 1 to 4 of x [N, C, …]: fail()s unless each is one
/// value per channel.
void check_per_channel(const InferContext& context, const Shape& x);

/// Calls f(c, first, end) for the elements [first, end) of each plane of [N, C, …], which is of channel c.
template <class F>
void each_plane(const Shape& shape, F f) {
  const std::size_t plane = static_cast<std::size_t>(shape.elements(2, shape.rank()));
  const std::size_t channels = static_cast<std::size_t>(shape[1]);
  const std::size_t elements = static_cast<std::size_t>(shape.elements());
  for (std::size_t first = 0; first < elements; first += plane)
    f(first / plane % channels, first, first + plane);
}

/// Output 0 from input 0, scale and bias (inputs 1 and 2), and the mean and variance of each channel.
template <class T>
void normalise_channels(const KernelContext& context, std::span<const T> means,
                        std::span<const T> variances) noexcept {
  const std::span<const T> x = context.in<T>(0);
  const std::span<T> y = context.out<T>(0);
  const T added = static_cast<T>(epsilon(context.attributes));
  each_plane(context.shape(0), [&](std::size_t c, std::size_t first, std::size_t end) {
    const T factor = context.in<T>(1)[c] / std::sqrt(variances[c] + added), bias = context.in<T>(2)[c];
    for (std::size_t i = first; i < end; ++i) y[i] = (x[i] - means[c]) * factor + bias;
  });
}

/// [C] as [C, 1, …], which broadcasts along the channels of a value of rank `rank`.
Value along_channels(Value parameter, std::size_t rank);

/// Attribute `axis` of those that normalise the axes from it on; infer() has checked it.
std::size_t first_normalised_axis(const Attributes& attributes, std::size_t rank);
std::vector<std::int64_t> normalised_axes(const Attributes& attributes, std::size_t rank);
/// fail()s unless input `i`, where given, broadcasts to the axes of x from `first` on.
void check_over_normalised(const InferContext& context, std::size_t i, const Shape& x, std::size_t first);

/// n = (x - mean) / deviation over `axes`, and what reaches x where g reaches n:
/// dx = (g - mean(g) - n · mean(g · n)) / deviation.
struct Standardised {
  Value n, dx;
};
Standardised standardised(Value x, Value g, const std::vector<std::int64_t>& axes, float epsilon);

}  // namespace dormouse::engine
