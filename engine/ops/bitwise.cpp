#include "engine/ops/bitwise.h"

namespace dormouse::engine {

std::vector<Sample> bitwise_samples() {
  const Tensor column = Tensor::from<std::int32_t>({3, 1}, {0x0f, -1, 6});
  const Tensor row = Tensor::from<std::int32_t>({2}, {0x3c, 1});
  return {{.shapes = {{3, 1}, {2}}, .fixed = {{0, column}, {1, row}}},
          {.shapes = {{2}, {2}}, .fixed = {{0, row}, {1, row}}}};
}

}  // namespace dormouse::engine
