#include "learning/latents.h"

#include <algorithm>
#include <cmath>

namespace dormouse::learning {

void LabelledRows::add(std::span<const float> latent, ClassIndex label) {
  ensure(latent.size() == width_, "latents of one width");
  values_.insert(values_.end(), latent.begin(), latent.end());
  classes_.push_back(label);
}

LabelledLatents LabelledRows::take() {
  const Shape shape{static_cast<std::int64_t>(classes_.size()), static_cast<std::int64_t>(width_)};
  LabelledLatents taken{Tensor::from<float>(shape, values_), std::move(classes_)};
  values_.clear();
  classes_.clear();
  return taken;
}

LabelledLatents concatenate(const LabelledLatents& a, const LabelledLatents& b) {
  if (a.size() == 0) return b;
  if (b.size() == 0) return a;
  ensure(a.width() == b.width(), "latents of one width");
  LabelledLatents both{
      Tensor(engine::DType::f32, Shape{std::int64_t(a.size() + b.size()), std::int64_t(a.width())}),
      a.classes};
  const auto out = both.latents.mutable_values<float>();
  std::ranges::copy(a.latents.values<float>(), out.begin());
  std::ranges::copy(b.latents.values<float>(), out.begin() + a.latents.elements());
  both.classes.insert(both.classes.end(), b.classes.begin(), b.classes.end());
  return both;
}

LabelledLatents gather(const LabelledLatents& from, std::span<const std::size_t> indices) {
  LabelledLatents picked{
      Tensor(engine::DType::f32, Shape{std::int64_t(indices.size()), from.latents.shape()[1]}), {}};
  picked.classes.reserve(indices.size());
  auto out = picked.latents.mutable_values<float>().begin();
  for (const std::size_t i : indices) {
    out = std::ranges::copy(from.row(i), out).out;
    picked.classes.push_back(from.classes[i]);
  }
  return picked;
}

std::vector<std::vector<std::size_t>> rows_by_class(const LabelledLatents& from, std::size_t classes) {
  std::vector<std::vector<std::size_t>> rows(classes);
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from.classes[i] >= rows.size()) rows.resize(from.classes[i] + 1);
    rows[from.classes[i]].push_back(i);
  }
  return rows;
}

QuantisedLatents quantise(const Tensor& latents) {
  const auto rows = static_cast<std::size_t>(latents.shape()[0]);
  const auto width = static_cast<std::size_t>(latents.shape()[1]);
  QuantisedLatents out{Tensor(engine::DType::i8, latents.shape()),
                       Tensor(engine::DType::f32, Shape{latents.shape()[0]})};
  const auto codes = out.codes.mutable_values<std::int8_t>();
  const auto scales = out.scales.mutable_values<float>();
  for (std::size_t i = 0; i < rows; ++i) {
    const auto row = latents.values<float>().subspan(i * width, width);
    float largest = 0;
    for (const float x : row) largest = std::max(largest, std::abs(x));
    scales[i] = largest / 127.0f;
    for (std::size_t j = 0; j < width; ++j)
      codes[i * width + j] =
          largest > 0 ? static_cast<std::int8_t>(std::lround(row[j] / scales[i])) : std::int8_t{0};
  }
  return out;
}

Tensor dequantise(const QuantisedLatents& latents) {
  Tensor out(engine::DType::f32, latents.codes.shape());
  const auto width = static_cast<std::size_t>(latents.codes.shape()[1]);
  const auto codes = latents.codes.values<std::int8_t>();
  const auto scales = latents.scales.values<float>();
  const auto values = out.mutable_values<float>();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = scales[i / width] * static_cast<float>(codes[i]);
  return out;
}

}  // namespace dormouse::learning
