#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/tensor.h"

namespace dormouse::learning {

using engine::Shape;
using engine::Tensor;

using ClassIndex = std::uint32_t;

/// Latents with what they are: the currency of everything that learns.
struct LabelledLatents {
  Tensor latents = Tensor(engine::DType::f32, Shape{0, 0});  ///< f32 [N, D]
  std::vector<ClassIndex> classes;

  std::size_t size() const { return classes.size(); }
  std::size_t width() const { return static_cast<std::size_t>(latents.shape()[1]); }
  std::span<const float> row(std::size_t i) const {
    return latents.values<float>().subspan(i * width(), width());
  }
};

/// Collects examples of one width.
class LabelledRows {
 public:
  explicit LabelledRows(std::size_t width) : width_(width) {}
  void add(std::span<const float> latent, ClassIndex label);  ///< ensure()s the width
  /// What was added; empty afterwards.
  LabelledLatents take();

 private:
  std::size_t width_;
  std::vector<float> values_;
  std::vector<ClassIndex> classes_;
};

/// `a` followed by `b`; either may be empty. Widths must match (ensure()d).
LabelledLatents concatenate(const LabelledLatents& a, const LabelledLatents& b);
/// The rows `indices`, in their order.
LabelledLatents gather(const LabelledLatents& from, std::span<const std::size_t> indices);
/// Row indices by class; `classes` lists at least.
std::vector<std::vector<std::size_t>> rows_by_class(const LabelledLatents& from, std::size_t classes);

/// Latents in a byte an element: value = code · scale, one scale a row.
struct QuantisedLatents {
  Tensor codes = Tensor(engine::DType::i8, Shape{0, 0});  ///< i8 [N, D]
  Tensor scales = Tensor(engine::DType::f32, Shape{0});   ///< f32 [N]
};

/// Rounds to nearest with scale = max|x| / 127 of the row.
QuantisedLatents quantise(const Tensor& latents);
Tensor dequantise(const QuantisedLatents& latents);

}  // namespace dormouse::learning
