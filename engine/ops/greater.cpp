#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Above {
  template <class T>
  std::uint8_t operator()(T a, T b) const {
    return a > b;
  }
};

}  // namespace

namespace ops {
extern const Op greater{.name = "Greater",
                        .since = 9,
                        .min_inputs = 2,
                        .max_inputs = 2,
                        .infer = infer_comparison,
                        .kernels = comparison_kernels<Above>(Numeric{}),
                        .elementwise = true,
                        .samples = {{.shapes = {{2, 3}, {2, 3}}}, {.shapes = {{4, 1, 3}, {5, 1}}}}};
}  // namespace ops

}  // namespace dormouse::engine
