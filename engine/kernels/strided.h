#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/shape.h"

namespace dormouse::engine {

/// Element strides of `from` read as if it were broadcast to `to`: 0 along the dimensions it repeats.
std::vector<std::int64_t> broadcast_strides(const Shape& from, const Shape& to);

/// Nested loops over `extents` that walk N tensors side by side, each with its own strides.
///
/// Neighbouring dimensions that every tensor walks as one are merged, so equal shapes become a single row.
template <std::size_t N>
class StridedLoop {
 public:
  using Offsets = std::array<std::int64_t, N>;

  StridedLoop(const Shape& extents, const std::array<std::vector<std::int64_t>, N>& strides) {
    for (std::size_t d = 0; d < extents.rank(); ++d) add(extents[d], d, strides);
    if (extents_.empty()) {
      extents_.push_back(1);
      strides_.push_back({});
    }
  }

  /// Calls `row(length, offsets, strides)` for every run of the innermost dimension, in order.
  template <class Row>
  void rows(Row row) const {
    for (const std::int64_t extent : extents_)
      if (extent == 0) return;
    std::vector<std::int64_t> index(extents_.size(), 0);
    Offsets offsets{};
    do row(extents_.back(), offsets, strides_.back());
    while (advance(index, offsets));
  }

 private:
  void add(std::int64_t extent, std::size_t d, const std::array<std::vector<std::int64_t>, N>& strides) {
    if (extent == 1) return;
    Offsets step;
    for (std::size_t n = 0; n < N; ++n) step[n] = strides[n][d];
    if (!extents_.empty() && continues(step, extent)) {
      extents_.back() *= extent;
      strides_.back() = step;
    } else {
      extents_.push_back(extent);
      strides_.push_back(step);
    }
  }

  bool continues(const Offsets& step, std::int64_t extent) const {
    for (std::size_t n = 0; n < N; ++n)
      if (strides_.back()[n] != step[n] * extent) return false;
    return true;
  }

  bool advance(std::vector<std::int64_t>& index, Offsets& offsets) const {
    for (std::size_t d = extents_.size() - 1; d-- > 0;) {
      for (std::size_t n = 0; n < N; ++n) offsets[n] += strides_[d][n];
      if (++index[d] < extents_[d]) return true;
      for (std::size_t n = 0; n < N; ++n) offsets[n] -= strides_[d][n] * extents_[d];
      index[d] = 0;
    }
    return false;
  }

  std::vector<std::int64_t> extents_;
  std::vector<Offsets> strides_;
};

}  // namespace dormouse::engine
