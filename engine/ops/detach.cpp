#include "engine/ops/elementwise.h"

/// Detach(x): x, of which no gradient is taken. What is computed from it learns, what it is computed from
/// does not hear of that.
namespace dormouse::engine {
namespace {

Gradients gradient(const GradientContext&) { return {}; }

}  // namespace

namespace ops {
extern const Op detach{.name = "Detach",
                       .domain = "dormouse",
                       .infer = infer_like_input,
                       .kernels = copy_kernels(),
                       .gradient = gradient,
                       .is_view = true,
                       .samples = {{.shapes = {{2, 3}}, .frozen = {0}}}};
}  // namespace ops

}  // namespace dormouse::engine
