#include "engine/kernels/rounding.h"
#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct RoundToEven {
  template <class T>
  T operator()(T x) const {
    return round_even(x);
  }
};

}  // namespace

namespace ops {
extern const Op round{.name = "Round",
                      .since = 11,
                      .infer = infer_like_input,
                      .kernels = unary_kernels<RoundToEven>(Floating{}),
                      .gradient = flat_gradient,
                      .in_place = true,
                      .elementwise = true,
                      .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
