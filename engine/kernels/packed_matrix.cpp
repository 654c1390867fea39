#include "engine/kernels/packed_matrix.h"

#include "engine/kernels/gemm_tile.h"

namespace dormouse::engine {

PackedMatrix::PackedMatrix(Matrix<float> b, std::int64_t k, std::int64_t n)
    : depth_(static_cast<std::size_t>(k)) {
  const std::int64_t width = best_tiles().row.columns, panels = (n + width - 1) / width;
  padded_ = static_cast<std::size_t>(panels * width);
  panels_ = Buffer::allocate(depth_ * padded_ * sizeof(float));
  auto* to = reinterpret_cast<float*>(panels_->writable_data());
  for (std::int64_t first = 0; first < n; first += width)
    for (std::int64_t p = 0; p < k; ++p, to += width)
      for (std::int64_t j = first; j < std::min(first + width, n); ++j)
        to[j - first] = b.data[p * b.row_stride + j * b.column_stride];
}

void PackedMatrix::multiply(std::span<const float> x, std::span<float> y) const noexcept {
  const Tile<float>& row = best_tiles().row;
  const auto width = static_cast<std::size_t>(row.columns);
  const auto* panel = reinterpret_cast<const float*>(panels_->data());
  for (std::size_t first = 0; first < padded_; first += width, panel += depth_ * width)
    row.run(static_cast<std::int64_t>(depth_), x.data(), panel, y.data() + first, row.columns, false);
}

}  // namespace dormouse::engine
