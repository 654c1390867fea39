#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

Gradients gradient(const GradientContext& context) { return {context.upstream()}; }

}  // namespace

namespace ops {
extern const Op identity{.name = "Identity",
                         .infer = infer_like_input,
                         .kernels = copy_kernels(),
                         .gradient = gradient,
                         .is_view = true,
                         .samples = {{.shapes = {{2, 3}}}, {.shapes = {{}}}}};
}  // namespace ops

}  // namespace dormouse::engine
