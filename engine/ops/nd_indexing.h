#pragma once

#include <vector>

#include "engine/ops/scattering.h"

/// What GatherND, its gradient and ScatterND share: index tuples, the last axis of `indices`, that each name
/// a slice of the data. The first `batch_dims` axes of both are walked together.
namespace dormouse::engine {

/// The shape of the slices that input `indices` names in `data`: indices' own extents but the last, then what
/// the tuples leave of the data. fail()s when they do not fit, or a known index is outside its axis.
Shape nd_gathered_shape(const InferContext& context, const Shape& data, std::size_t indices);

/// Slices are `inner` elements long.
struct NdIndexing {
  std::int64_t batches, tuples, slices, inner;  ///< tuples, and slices of the data: of one batch
  std::vector<std::int64_t> extents;            ///< of the axes that a tuple indexes
  std::vector<std::int64_t> indices;

  /// `data` is the input whose shape is indexed.
  NdIndexing(const KernelContext& context, std::size_t data, std::size_t indices_input);

  /// Calls f(slice of the data, slice of the gathered); the first is -1 where an index is outside its axis.
  template <class F>
  void each(F f) const {
    for (std::int64_t i = 0; i < batches * tuples; ++i) {
      const std::int64_t slice = slice_of(i);
      f(slice < 0 ? -1 : i / tuples * slices + slice, i);
    }
  }

 private:
  std::int64_t slice_of(std::int64_t tuple) const;
};

}  // namespace dormouse::engine
