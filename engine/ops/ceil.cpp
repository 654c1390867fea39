#include "engine/kernels/rounding.h"
#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct RoundUp {
  template <class T>
  T operator()(T x) const {
    return round_up(x);
  }
};

}  // namespace

namespace ops {
extern const Op ceil{.name = "Ceil",
                     .since = 6,
                     .infer = infer_like_input,
                     .kernels = unary_kernels<RoundUp>(Floating{}),
                     .gradient = flat_gradient,
                     .in_place = true,
                     .elementwise = true,
                     .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
