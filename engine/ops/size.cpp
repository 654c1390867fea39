#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

void infer(InferContext& context) { context.set_output(0, DType::i64, Shape{}); }

void compute(const KernelContext& context) noexcept {
  context.out<std::int64_t>(0)[0] = context.shape(0).elements();
}

}  // namespace

namespace ops {
extern const Op size{.name = "Size",
                     .infer = infer,
                     .kernels = moving_kernels(compute, compute, compute, compute),
                     .of_shape = true,
                     .samples = {{.shapes = {{2, 3, 4}}}, {.shapes = {{0, 3}}}, {.shapes = {{}}}}};
}  // namespace ops

}  // namespace dormouse::engine
