#include "tests/conformance/sample_graph.h"

#include <algorithm>
#include <string>

namespace dormouse::engine::conformance {
namespace {

const Tensor* fixed(const Sample& sample, std::size_t i) {
  const auto found = std::ranges::find(sample.fixed, i, &std::pair<std::size_t, Tensor>::first);
  return found == sample.fixed.end() ? nullptr : &found->second;
}

}  // namespace

Tensor draw(DType type, const Shape& shape, double low, double high, std::mt19937& random) {
  Tensor tensor(DType::f32, shape);
  std::uniform_real_distribution<float> uniform(static_cast<float>(low), static_cast<float>(high));
  for (float& value : tensor.mutable_values<float>()) value = uniform(random);
  return tensor.as(type);
}

std::vector<double> as_doubles(const Tensor& tensor) {
  const Tensor wide = tensor.as(DType::f64);
  const auto values = wide.values<double>();
  return {values.begin(), values.end()};
}

SampleGraph sample_graph(const Op& op, const Sample& sample, DType type, std::mt19937& random) {
  SampleGraph result;
  std::vector<ValueId> ids;
  for (std::size_t i = 0; i < sample.shapes.size(); ++i) {
    if (const Tensor* const value = fixed(sample, i)) {
      ids.push_back(result.graph.add_constant("fixed", *value));
      continue;
    }
    ids.push_back(result.graph.add_input(std::to_string(i), type, sample.shapes[i]));
    result.inputs.push_back(draw(type, sample.shapes[i], sample.low, sample.high, random));
    if (std::ranges::find(sample.frozen, i) == sample.frozen.end())
      result.differentiable.push_back(ids.back());
  }
  result.outputs =
      result.graph.add_node(op, ids, sample.attributes,
                            std::vector<std::string>(op.max_outputs == SIZE_MAX ? 2 : op.max_outputs, ""));
  result.graph.set_outputs(result.outputs);
  return result;
}

}  // namespace dormouse::engine::conformance
