#include <algorithm>
#include <cmath>

#include "learning/named_tensors.h"
#include "learning/slda.h"

namespace dormouse::learning {
namespace {

using engine::DType;

constexpr double kUnit = 32767;

const Tensor& part_of_shape(const std::map<std::string, Tensor>& state, const char* name, DType type,
                            const Shape& shape) {
  constexpr const char* kWhat = "the discriminant";
  const Tensor& found = part(state, name, type, kWhat);
  if (found.shape() != shape)
    throw Failure(Errc::corrupt, std::string(kWhat) + ": '" + name + "' should be " + to_string(shape) +
                                     ", not " + to_string(found.shape()));
  return found;
}

}  // namespace

std::size_t SldaHead::packed_bytes(std::size_t latent_size, std::size_t classes) {
  return classes * (latent_size * sizeof(float) + sizeof(double)) + latent_size * sizeof(float) +
         latent_size * (latent_size - 1) / 2 * sizeof(std::int16_t);
}

std::map<std::string, Tensor> SldaHead::packed() const {
  const auto width = std::int64_t(width_), classes = std::int64_t(pooled_.classes());
  Tensor counts(DType::f64, Shape{classes}), means(DType::f32, Shape{classes, width});
  Tensor deviations(DType::f32, Shape{width}), correlations(DType::i16, Shape{width * (width - 1) / 2});
  std::ranges::copy(pooled_.counts(), counts.mutable_values<double>().begin());
  std::ranges::transform(pooled_.means(), means.mutable_values<float>().begin(),
                         [](double x) { return static_cast<float>(x); });
  const auto deviation = deviations.mutable_values<float>();
  for (std::size_t i = 0; i < width_; ++i)
    deviation[i] = static_cast<float>(std::sqrt(std::max(pooled_.scatter()[i * (i + 1) / 2 + i], 0.0)));
  auto out = correlations.mutable_values<std::int16_t>().begin();
  for (std::size_t i = 1; i < width_; ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const double scale = double{deviation[i]} * double{deviation[j]};
      const double correlation = scale > 0 ? pooled_.scatter()[i * (i + 1) / 2 + j] / scale : 0;
      *out++ = static_cast<std::int16_t>(std::lround(kUnit * std::clamp(correlation, -1.0, 1.0)));
    }
  return {{"counts", counts}, {"means", means}, {"deviations", deviations}, {"correlations", correlations}};
}

SldaHead SldaHead::unpacked(const std::map<std::string, Tensor>& state, Options options) {
  const auto found = state.find("means");
  if (found == state.end() || found->second.shape().rank() != 2)
    throw Failure(Errc::corrupt, "the discriminant has no means");
  const std::int64_t classes = found->second.shape()[0], width = found->second.shape()[1];
  const auto means = part_of_shape(state, "means", DType::f32, Shape{classes, width}).values<float>();
  const auto counts = part_of_shape(state, "counts", DType::f64, Shape{classes}).values<double>();
  const auto deviation = part_of_shape(state, "deviations", DType::f32, Shape{width}).values<float>();
  const auto correlation =
      part_of_shape(state, "correlations", DType::i16, Shape{width * (width - 1) / 2}).values<std::int16_t>();
  const auto features = static_cast<std::size_t>(width);
  std::vector<double> scatter;
  std::size_t from = 0;
  for (std::size_t i = 0; i < features; ++i) {
    for (std::size_t j = 0; j < i; ++j)
      scatter.push_back(correlation[from++] / kUnit * double{deviation[i]} * double{deviation[j]});
    scatter.push_back(double{deviation[i]} * double{deviation[i]});
  }
  SldaHead head(features, {}, options);
  head.pooled_ =
      PooledScatter({counts.begin(), counts.end()}, {means.begin(), means.end()}, std::move(scatter));
  return head;
}

}  // namespace dormouse::learning
