#pragma once

#include "engine/attributes.h"
#include "engine/kernels/resampling.h"

namespace dormouse::engine {

/// One dimension of a resize. The region of interest is in units of the input's extent.
struct ResizedAxis {
  std::int64_t in = 0, out = 0;
  float scale = 1;
  float roi_begin = 0, roi_end = 1;
};

/// Which inputs each output is made of, by the attributes of Resize (which have been checked), as ONNX
/// defines it: the output's coordinate is mapped to the input, and the mode says what is read around there.
Resampling resampling_of(const Attributes& attributes, const ResizedAxis& axis);

}  // namespace dormouse::engine
