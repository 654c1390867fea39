#include "tests/drivers/on_driver.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "engine/kernel_call.h"
#include "tests/conformance/sample_graph.h"

namespace dormouse::drivers {

using namespace engine;

Case make_case(const Op& op, const Sample& sample, std::size_t run_time, std::mt19937& random) {
  Case result;
  std::vector<ValueId> ids;
  for (std::size_t i = 0; i < sample.shapes.size(); ++i) {
    const auto fixed = std::ranges::find(sample.fixed, i, &std::pair<std::size_t, Tensor>::first);
    const bool is_fixed = fixed != sample.fixed.end();
    Tensor drawn = is_fixed
                       ? fixed->second
                       : conformance::draw(DType::f32, sample.shapes[i], sample.low, sample.high, random);
    if (is_fixed || i >= run_time) {
      ids.push_back(result.graph.add_constant("constant" + std::to_string(i), std::move(drawn)));
    } else {
      ids.push_back(result.graph.add_input("input" + std::to_string(i), DType::f32, sample.shapes[i]));
      result.inputs.push_back(std::move(drawn));
    }
  }
  const std::vector<std::string> outputs(op.max_outputs == SIZE_MAX ? 2 : 1);
  result.graph.set_outputs(result.graph.add_node(op, ids, sample.attributes, outputs));
  return result;
}

bool takes(const Driver& driver, const Graph& graph) {
  return std::ranges::all_of(graph.nodes(), [&](const Node& node) { return driver.supports(graph, node); });
}

std::vector<Tensor> run_on(const Driver& driver, const Graph& graph, std::span<const Tensor> inputs) {
  Partition partition{&graph, std::vector<std::size_t>(graph.nodes().size()), graph.inputs(),
                      graph.outputs()};
  std::iota(partition.nodes.begin(), partition.nodes.end(), 0);
  const auto workspace = driver.open_workspace();
  const auto program = driver.compile(partition, *workspace, false);
  std::vector<Tensor> outputs;
  std::vector<View> from, to;
  for (const Tensor& input : inputs) from.push_back(view_of(input));
  for (const ValueId id : graph.outputs()) outputs.emplace_back(graph.value(id).dtype, graph.value(id).shape);
  for (const Tensor& output : outputs) to.push_back(view_of(output));
  program->run(from, to);
  return outputs;
}

void check_close(std::span<const Tensor> actual, std::span<const Tensor> expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    INFO("output " << i);
    REQUIRE(to_string(actual[i].shape()) == to_string(expected[i].shape()));
    const auto is = actual[i].values<float>(), should = expected[i].values<float>();
    std::size_t wrong = 0;
    for (std::size_t k = 0; k < is.size(); ++k)
      if (!(std::abs(is[k] - should[k]) <= 1e-4f * std::max(0.1f, std::abs(should[k]))) && ++wrong == 1)
        UNSCOPED_INFO("element " << k << " is " << is[k] << ", not " << should[k]);
    CHECK(wrong == 0);
  }
}

}  // namespace dormouse::drivers
