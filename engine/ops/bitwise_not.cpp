#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Complement {
  template <class T>
  T operator()(T x) const {
    return static_cast<T>(~x);
  }
};

Tensor bits() { return Tensor::from<std::uint8_t>({3}, {0, 255, 0x3c}); }

}  // namespace

namespace ops {
extern const Op bitwise_not{.name = "BitwiseNot",
                            .since = 18,
                            .infer = infer_like_input,
                            .kernels = unary_kernels<Complement>(Integral{}),
                            .in_place = true,
                            .elementwise = true,
                            .samples = {{.shapes = {{3}}, .fixed = {{0, bits()}}}}};
}  // namespace ops

}  // namespace dormouse::engine
