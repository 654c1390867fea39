#pragma once

#include <vector>

#include "engine/kernels/strided.h"
#include "engine/ops/scattering.h"

/// What GatherElements and ScatterElements share: an index per element, along one axis.
namespace dormouse::engine {

/// fail()s unless indices (input 1) have the rank of data (input 0), lie inside its axis where they are
/// known, and are no longer than it along the others.
void check_element_indices(const InferContext& context);

/// Calls f(offset in the data, offset in the indices) for each index; those outside the axis are left out.
template <class F>
void for_element_indices(const KernelContext& context, F f) {
  const Shape &data = context.shape(0), &shape = context.shape(1);
  const std::size_t axis = axis_index(context.attributes.integer("axis", 0), data.rank());
  const std::vector<std::int64_t> indices = integer_values(context.inputs[1]);
  std::vector<std::int64_t> fixed = strides(data);
  const std::int64_t extent = data[axis], along = fixed[axis];
  fixed[axis] = 0;  // there the index says where
  StridedLoop<2>(shape, {strides(shape), fixed})
      .rows([&](std::int64_t length, const auto& offset, const auto& step) {
        for (std::int64_t i = 0; i < length; ++i) {
          const std::int64_t position = offset[0] + i * step[0];
          std::int64_t index = indices[static_cast<std::size_t>(position)];
          if (index < 0) index += extent;
          if (index >= 0 && index < extent) f(offset[1] + i * step[1] + index * along, position);
        }
      });
}

}  // namespace dormouse::engine
