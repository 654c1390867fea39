#include "engine/ops/window_function.h"

namespace dormouse::engine::ops {
extern const Op hamming_window = window_op<CosineSum{25.0 / 46, 21.0 / 46, 0}>("HammingWindow");
}  // namespace dormouse::engine::ops
