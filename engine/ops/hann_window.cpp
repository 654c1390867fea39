#include "engine/ops/window_function.h"

namespace dormouse::engine::ops {
extern const Op hann_window = window_op<CosineSum{0.5, 0.5, 0}>("HannWindow");
}  // namespace dormouse::engine::ops
