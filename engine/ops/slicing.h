#pragma once

#include <vector>

#include "engine/ops/inference.h"

/// What Slice and its gradient share: starts, ends, axes and steps as inputs, or before opset 10 as
/// attributes.
namespace dormouse::engine {

/// Along one dimension: element i of the slice is element start + i · step of the whole.
struct Cut {
  std::int64_t start = 0;
  std::int64_t step = 1;
  std::int64_t count = 0;  ///< kDynamic while the extent is
};

/// One cut per dimension of `whole`; nothing while a list is not known. The lists are inputs `first` …
/// `first` + 3.
std::optional<std::vector<Cut>> infer_cuts(const InferContext& context, const Shape& whole,
                                           std::size_t first);
/// The same for kernels.
std::vector<Cut> cuts_of(const KernelContext& context, const Shape& whole, std::size_t first);

/// The offset in the whole at which the slice begins, and its strides there.
struct CutLayout {
  std::int64_t offset = 0;
  std::vector<std::int64_t> strides = {};
};
CutLayout layout(const std::vector<Cut>& cuts, const Shape& whole);

}  // namespace dormouse::engine
