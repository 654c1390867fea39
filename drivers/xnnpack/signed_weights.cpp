#include "drivers/xnnpack/signed_weights.h"

#include <algorithm>
#include <string>

#include "drivers/xnnpack/operands.h"

namespace dormouse::drivers::xnnpack {

using engine::DType;
using engine::Graph;
using engine::Node;
using engine::Tensor;

namespace {

template <class Q>
std::optional<Tensor> centred(const Tensor& weights, const Tensor& zero_points, const Slices& slices) {
  const auto from = weights.values<Q>(), zeros = zero_points.values<Q>();
  Tensor result(DType::i8, weights.shape());
  const auto to = result.mutable_values<std::int8_t>();
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto slice = static_cast<std::int64_t>(i) / slices.run % slices.count;
    const int value = from[i] - zeros[zeros.size() == 1 ? 0 : static_cast<std::size_t>(slice)];
    if (value < INT8_MIN || value > INT8_MAX) return std::nullopt;
    to[i] = static_cast<std::int8_t>(value);
  }
  return result;
}

bool all_zero(const Tensor* tensor) {
  return !tensor || std::ranges::all_of(tensor->bytes(), [](std::byte b) { return b == std::byte{}; });
}

}  // namespace

Slices slices_of(const Tensor& weights, bool filter) {
  const std::int64_t count = weights.shape()[filter ? 0 : 1];
  return {count, filter ? weights.elements() / std::max<std::int64_t>(count, 1) : 1};
}

std::optional<Tensor> signed_weights(const Graph& graph, const Node& node, std::size_t input, bool filter) {
  const Tensor* const weights = constant(graph, node, input);
  const Tensor* const zero = constant(graph, node, input + 2);
  if (!weights || (has_input(node, input + 2) && !zero)) return std::nullopt;
  if (weights->dtype() == DType::i8 && all_zero(zero)) return *weights;
  const Slices slices = slices_of(*weights, filter);
  if (zero && zero->elements() != 1 && zero->elements() != slices.count) return std::nullopt;
  const Tensor none(weights->dtype(), {1});
  return weights->dtype() == DType::i8 ? centred<std::int8_t>(*weights, zero ? *zero : none, slices)
                                       : centred<std::uint8_t>(*weights, zero ? *zero : none, slices);
}

std::string packing_variant(const Graph& graph, const Node& node, std::size_t input, const Tensor& scales,
                            std::initializer_list<float> numbers) {
  std::string bytes(reinterpret_cast<const char*>(numbers.begin()), numbers.size() * sizeof(float));
  const auto append = [&bytes](const Tensor& tensor) {
    bytes += std::to_string(tensor.elements()) + ":";
    bytes.append(reinterpret_cast<const char*>(tensor.data()), tensor.byte_size());
  };
  append(scales);
  if (const Tensor* const zero = constant(graph, node, input + 2)) append(*zero);
  return bytes;
}

}  // namespace dormouse::drivers::xnnpack
