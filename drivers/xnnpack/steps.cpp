#include "drivers/xnnpack/steps.h"

#include <xnnpack.h>

namespace dormouse::drivers::xnnpack {

Id Steps::unary(int type, Id from, Id to) {
  to = target(to);
  check(xnn_define_unary(builder_.subgraph(), static_cast<xnn_unary_operator>(type), nullptr, from, to, 0),
        "a step");
  return to;
}

Id Steps::binary(int type, Id a, Id b, Id to) {
  to = target(to);
  check(xnn_define_binary(builder_.subgraph(), static_cast<xnn_binary_operator>(type), nullptr, a, b, to, 0),
        "a step");
  return to;
}

Id Steps::clamp(Id from, float low, float high, Id to) {
  to = target(to);
  const xnn_unary_params params{.clamp = {.min = low, .max = high}};
  check(xnn_define_unary(builder_.subgraph(), xnn_unary_clamp, &params, from, to, 0), "a clamp");
  return to;
}

Id Steps::times(Id from, float factor, Id to) {
  return binary(xnn_binary_multiply, from, builder_.scalar(factor), to);
}

Id Steps::plus(Id from, float addend, Id to) {
  return binary(xnn_binary_add, from, builder_.scalar(addend), to);
}

}  // namespace dormouse::drivers::xnnpack
