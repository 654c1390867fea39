#include <functional>

#include "engine/ops/bitwise.h"

namespace dormouse::engine::ops {
extern const Op bitwise_and = bitwise_op<std::bit_and<>>("BitwiseAnd");
}  // namespace dormouse::engine::ops
