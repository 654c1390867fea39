#include "engine/op.h"

// Every operator stands in a file of its own name; what is not listed here does not exist.
namespace dormouse::engine {
namespace ops {
extern const Op abs, add, cast, clip, conv, div, equal, erf, exp, expand, flatten, gemm, greater, identity,
    less, log, log_softmax, matmul, max, max_pool, min, mul, neg, reciprocal, reduce_max, reduce_mean,
    reduce_sum, relu, reshape, sigmoid, softmax, sqrt, squeeze, sub, tanh, transpose, unsqueeze, where;
extern const Op broadcast_to, conv_grad_input, conv_grad_weight, ewc_pull, max_pool_grad, max_pool_pick,
    reshape_to, sgd_momentum, softmax_cross_entropy, sum_to;
}  // namespace ops

namespace {

constexpr const Op* kTable[] = {
    // ai.onnx
    &ops::abs, &ops::add, &ops::cast, &ops::clip, &ops::conv, &ops::div, &ops::equal, &ops::erf, &ops::exp,
    &ops::expand, &ops::flatten, &ops::gemm, &ops::greater, &ops::identity, &ops::less, &ops::log,
    &ops::log_softmax, &ops::matmul, &ops::max, &ops::max_pool, &ops::min, &ops::mul, &ops::neg,
    &ops::reciprocal, &ops::reduce_max, &ops::reduce_mean, &ops::reduce_sum, &ops::relu, &ops::reshape,
    &ops::sigmoid, &ops::softmax, &ops::sqrt, &ops::squeeze, &ops::sub, &ops::tanh, &ops::transpose,
    &ops::unsqueeze, &ops::where,
    // dormouse
    &ops::broadcast_to, &ops::conv_grad_input, &ops::conv_grad_weight, &ops::ewc_pull, &ops::max_pool_grad,
    &ops::max_pool_pick, &ops::reshape_to, &ops::sgd_momentum, &ops::softmax_cross_entropy, &ops::sum_to};

}  // namespace

std::span<const Op* const> all_ops() { return kTable; }

const Op* find_op(std::string_view domain, std::string_view name) {
  if (domain == "ai.onnx") domain = "";
  for (const Op* const op : kTable)
    if (op->name == name && op->domain == domain) return op;
  return nullptr;
}

}  // namespace dormouse::engine
