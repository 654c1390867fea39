#include "engine/ops/pairs.h"

namespace dormouse::engine::pairs {
void check_sequence(const InferContext& context, std::size_t i) {
  if (!context.has_shape(i)) return;
  const Shape& shape = context.shape(i);
  context.require(shape.rank() == 4 && compatible(shape[2], 2),
                  "a sequence is not [batch, time, 2, channels]");
}

void check_matrices(const InferContext& context, std::size_t i) {
  if (!context.has_shape(i)) return;
  const Shape& shape = context.shape(i);
  context.require(shape.rank() == 3 && compatible(shape[0], 2) && compatible(shape[1], 2),
                  "the matrices are not [2, 2, channels]");
}

std::int64_t common_extent(const InferContext& context, std::int64_t a, std::int64_t b,
                           std::string_view what) {
  context.require(compatible(a, b), what);
  return a == kDynamic ? b : a;
}

Value product(Value matrices, Value sequence) {
  return reduce_sum(matrices * unsqueeze(sequence, {2}), {3}, false);
}

Value transposed_product(Value matrices, Value sequence) {
  return reduce_sum(matrices * unsqueeze(sequence, {3}), {2}, false);
}

Value previous(Value sequence, bool reverse) {
  const std::int64_t before = reverse ? -1 : 1;
  return apply("Pad", {sequence, integers(*sequence.graph, {0, before, 0, 0, 0, -before, 0, 0})});
}

}  // namespace dormouse::engine::pairs
