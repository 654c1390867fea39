#pragma once

#include "engine/kernels/lines.h"
#include "engine/ops/inference.h"

/// What Softmax and LogSoftmax share.
namespace dormouse::engine {

/// The output is like input 0, and `axis` (default -1) lies in its rank.
void infer_softmax(InferContext& context);

/// The lines along the node's axis.
Lines softmax_lines(const KernelContext& context);

}  // namespace dormouse::engine
