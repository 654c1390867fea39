#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct NotANumber {
  template <class T>
  std::uint8_t operator()(T x) const {
    return std::isnan(x);
  }
};

}  // namespace

namespace ops {
extern const Op is_nan{.name = "IsNaN",
                       .since = 9,
                       .infer = infer_predicate,
                       .kernels = predicate_kernels<NotANumber>(Floating{}),
                       .elementwise = true,
                       .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
