#include "engine/ops/window_function.h"

namespace dormouse::engine::ops {
extern const Op blackman_window = window_op<CosineSum{0.42, 0.5, 0.08}>("BlackmanWindow");
}  // namespace dormouse::engine::ops
