#pragma once

#include "engine/kernels/gemm.h"
#include "engine/tensor.h"

namespace dormouse::engine {

/// A matrix packed once, for products with one row at a time: packing it for each, as gemm() does, would cost
/// as much as they do. Immutable.
class PackedMatrix {
 public:
  /// `b`: k×n, copied.
  PackedMatrix(Matrix<float> b, std::int64_t k, std::int64_t n);

  /// How many elements multiply() writes: n, and what fills up the last panel.
  std::size_t padded_columns() const { return padded_; }
  /// y = x·B; `x` has k elements, `y` padded_columns().
  void multiply(std::span<const float> x, std::span<float> y) const noexcept;

 private:
  std::size_t depth_, padded_;
  std::shared_ptr<Buffer> panels_;  ///< each depth × width of the row tile
};

}  // namespace dormouse::engine
