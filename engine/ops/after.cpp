#include "engine/ops/elementwise.h"

/// After(x, signal): x, and not before `signal` is there, of which nothing else matters. What is computed
/// again waits so for its turn, and is not the same as what was computed before.
namespace dormouse::engine {
namespace {

Gradients gradient(const GradientContext& context) { return {context.upstream()}; }

}  // namespace

namespace ops {
extern const Op after{.name = "After",
                      .domain = "dormouse",
                      .min_inputs = 2,
                      .max_inputs = 2,
                      .infer = infer_like_input,
                      .kernels = copy_kernels(),
                      .gradient = gradient,
                      .is_view = true,
                      .samples = {{.shapes = {{2, 3}, {4}}, .frozen = {1}}}};
}  // namespace ops

}  // namespace dormouse::engine
