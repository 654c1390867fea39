#include <cmath>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Infinite {
  explicit Infinite(const Attributes& attributes)
      : negative(attributes.integer("detect_negative", 1) != 0),
        positive(attributes.integer("detect_positive", 1) != 0) {}
  bool negative, positive;
  template <class T>
  std::uint8_t operator()(T x) const {
    return std::isinf(x) && (x < 0 ? negative : positive);
  }
};

void infer(InferContext& context) {
  static_cast<void>(Infinite(context.attributes()));
  infer_predicate(context);
}

}  // namespace

namespace ops {
extern const Op is_inf{.name = "IsInf",
                       .since = 10,
                       .infer = infer,
                       .kernels = predicate_kernels<Infinite>(Floating{}),
                       .elementwise = true,
                       .samples = unary_samples()};
}  // namespace ops

}  // namespace dormouse::engine
