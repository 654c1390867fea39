#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  context.require(context.dtype(0) == DType::boolean, "expects bool");
  infer_like_input(context);
}

struct Invert {
  std::uint8_t operator()(std::uint8_t x) const { return x == 0; }
};

}  // namespace

namespace ops {
extern const Op logical_not{
    .name = "Not",
    .infer = infer,
    .kernels = {{DType::boolean, unary_kernel<Invert, std::uint8_t>}},
    .in_place = true,
    .elementwise = true,
    .samples = {{.shapes = {{3}}, .fixed = {{0, Tensor::from<bool>({3}, {true, false, true})}}}}};
}  // namespace ops

}  // namespace dormouse::engine
