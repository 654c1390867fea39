#include <functional>

#include "engine/ops/bitwise.h"

namespace dormouse::engine::ops {
extern const Op bitwise_xor = bitwise_op<std::bit_xor<>>("BitwiseXor");
}  // namespace dormouse::engine::ops
