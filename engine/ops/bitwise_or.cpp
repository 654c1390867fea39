#include <functional>

#include "engine/ops/bitwise.h"

namespace dormouse::engine::ops {
extern const Op bitwise_or = bitwise_op<std::bit_or<>>("BitwiseOr");
}  // namespace dormouse::engine::ops
