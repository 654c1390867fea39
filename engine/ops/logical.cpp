#include "engine/ops/logical.h"

namespace dormouse::engine {

void infer_logical(InferContext& context) {
  context.require(context.dtype(0) == DType::boolean, "expects bool");
  infer_broadcast(context);
}

std::vector<Sample> logical_samples() {
  const Tensor row = Tensor::from<bool>({1, 2}, {false, true}),
               column = Tensor::from<bool>({2, 1}, {false, true});
  return {{.shapes = {{1, 2}, {2, 1}}, .fixed = {{0, row}, {1, column}}},
          {.shapes = {{2, 1}, {}}, .fixed = {{0, column}, {1, Tensor::scalar(true)}}}};
}

}  // namespace dormouse::engine
