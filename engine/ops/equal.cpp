#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Same {
  template <class T>
  std::uint8_t operator()(T a, T b) const {
    return a == b;
  }
};

Kernels equality_kernels() {
  Kernels result = comparison_kernels<Same>(Numeric{});
  result.emplace_back(DType::boolean, binary_kernel<Same, std::uint8_t>);
  return result;
}

}  // namespace

namespace ops {
extern const Op equal{.name = "Equal",
                      .since = 11,
                      .min_inputs = 2,
                      .max_inputs = 2,
                      .infer = infer_comparison,
                      .kernels = equality_kernels(),
                      .elementwise = true,
                      .samples = {{.shapes = {{2, 3}, {2, 3}}}, {.shapes = {{4, 1, 3}, {5, 1}}}}};
}  // namespace ops

}  // namespace dormouse::engine
