#include "engine/ops/extremum.h"

namespace dormouse::engine {

Gradients extremum_gradient(const GradientContext& context) {
  const Value y = context.output(0);
  std::vector<Value> chosen;
  Value winners;
  for (std::size_t i = 0; i < context.node().inputs.size(); ++i) {
    chosen.push_back(cast(apply("Equal", {context.input(i), y}), y.dtype()));
    winners = winners ? winners + chosen.back() : chosen.back();
  }
  const Value share = context.upstream() / winners;
  Gradients result;
  for (std::size_t i = 0; i < chosen.size(); ++i)
    result.push_back(sum_to(share * chosen[i], context.input(i)));
  return result;
}

}  // namespace dormouse::engine
