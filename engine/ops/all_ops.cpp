#include "engine/op.h"

// Every operator stands in a file of its own name; what is not listed here does not exist.
namespace dormouse::engine {
namespace ops {
extern const Op abs, add, arg_max, average_pool, batch_normalization, cast, clip, concat, constant_of_shape,
    conv, div, dropout, equal, erf, exp, expand, flatten, gather, gemm, global_average_pool, greater,
    identity, layer_normalization, leaky_relu, less, log, log_softmax, matmul, max, max_pool, min, mul, neg,
    non_zero, negation, pad, pow, reciprocal, reduce_max, reduce_mean, reduce_sum, relu, reshape, shape,
    sigmoid, slice, softmax, split, sqrt, squeeze, sub, tanh, transpose, unsqueeze, where;
extern const Op average_pool_grad, broadcast_to, conv_grad_input, conv_grad_weight, ewc_pull, gather_grad,
    max_pool_grad, max_pool_pick, reshape_to, sgd_momentum, slice_grad, softmax_cross_entropy, sum_to;
}  // namespace ops

namespace {

constexpr const Op* kTable[] = {
    // ai.onnx
    &ops::abs, &ops::add, &ops::arg_max, &ops::average_pool, &ops::batch_normalization, &ops::cast,
    &ops::clip, &ops::concat, &ops::constant_of_shape, &ops::conv, &ops::div, &ops::dropout, &ops::equal,
    &ops::erf, &ops::exp, &ops::expand, &ops::flatten, &ops::gather, &ops::gemm, &ops::global_average_pool,
    &ops::greater, &ops::identity, &ops::layer_normalization, &ops::leaky_relu, &ops::less, &ops::log,
    &ops::log_softmax, &ops::matmul, &ops::max, &ops::max_pool, &ops::min, &ops::mul, &ops::neg,
    &ops::non_zero, &ops::negation, &ops::pad, &ops::pow, &ops::reciprocal, &ops::reduce_max,
    &ops::reduce_mean, &ops::reduce_sum, &ops::relu, &ops::reshape, &ops::shape, &ops::sigmoid, &ops::slice,
    &ops::softmax, &ops::split, &ops::sqrt, &ops::squeeze, &ops::sub, &ops::tanh, &ops::transpose,
    &ops::unsqueeze, &ops::where,
    // dormouse
    &ops::average_pool_grad, &ops::broadcast_to, &ops::conv_grad_input, &ops::conv_grad_weight,
    &ops::ewc_pull, &ops::gather_grad, &ops::max_pool_grad, &ops::max_pool_pick, &ops::reshape_to,
    &ops::sgd_momentum, &ops::slice_grad, &ops::softmax_cross_entropy, &ops::sum_to};

}  // namespace

std::span<const Op* const> all_ops() { return kTable; }

const Op* find_op(std::string_view domain, std::string_view name) {
  if (domain == "ai.onnx") domain = "";
  for (const Op* const op : kTable)
    if (op->name == name && op->domain == domain) return op;
  return nullptr;
}

}  // namespace dormouse::engine
