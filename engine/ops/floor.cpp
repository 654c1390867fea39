#include "engine/kernels/rounding.h"
#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct RoundDown {
  template <class T>
  T operator()(T x) const {
    return round_down(x);
  }
};

}  // namespace

namespace ops {
extern const Op floor{.name = "Floor",
                      .since = 6,
                      .infer = infer_like_input,
                      .kernels = unary_kernels<RoundDown>(Floating{}),
                      .gradient = flat_gradient,
                      .in_place = true,
                      .elementwise = true,
                      .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
