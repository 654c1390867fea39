#pragma once

#include <string>

#include "capi/dormouse.h"
#include "engine/op.h"

namespace dormouse::capi {

dormouse_type type_of(engine::DType type);
/// Throws Failure(invalid) naming `what` when it is none.
engine::DType dtype_of(dormouse_type type, const std::string& what);

/// The extents; throws Failure(invalid) naming `what` when one is below `least` or there is a rank without a
/// shape.
engine::Shape shape_of(int32_t rank, const int64_t* shape, std::int64_t least, const std::string& what);

/// The caller's tensor, borrowed. Throws Failure(invalid) naming `what` when its buffer is too small for its
/// shape.
engine::Tensor borrowed(const dormouse_tensor& tensor, const std::string& what);

/// What is seen through `view`, or known of it: data is NULL where it has none.
dormouse_tensor described(const engine::View& view);
/// The same of what is inferred.
dormouse_tensor described(const engine::InferContext::Slot& slot);

}  // namespace dormouse::capi
