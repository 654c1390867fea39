#include "daemon/verbs/coverage.h"

#include <algorithm>
#include <tuple>

#include "engine/op.h"

namespace dormouse::daemon {
namespace {

using namespace engine;

// The sample as a graph of one node; the inputs behind the first `run_time` are constants, as weights are.
Graph graph_of(const Op& op, const Sample& sample, std::size_t run_time) {
  Graph graph;
  std::vector<ValueId> ids;
  for (std::size_t i = 0; i < sample.shapes.size(); ++i) {
    const auto fixed = std::ranges::find(sample.fixed, i, &std::pair<std::size_t, Tensor>::first);
    if (fixed != sample.fixed.end())
      ids.push_back(graph.add_constant("", fixed->second));
    else if (i < run_time)
      ids.push_back(graph.add_input("", DType::f32, sample.shapes[i]));
    else
      ids.push_back(graph.add_constant("", Tensor(DType::f32, sample.shapes[i])));
  }
  graph.set_outputs(graph.add_node(op, std::move(ids), sample.attributes));
  return graph;
}

bool takes(const Driver& driver, const Op& op, const Sample& sample, std::size_t run_time) {
  try {
    const Graph graph = graph_of(op, sample, run_time);
    return driver.supports(graph, graph.nodes()[0]);
  } catch (const Failure&) {
    return false;  // an operator whose inputs cannot be made up so
  }
}

std::string driver_of(const Op& op, std::span<const Driver* const> drivers) {
  for (const Driver* const driver : drivers)
    for (const Sample& sample : op.samples)
      for (const std::size_t run_time : {sample.shapes.size(), std::size_t{1}})
        if (takes(*driver, op, sample, run_time)) return std::string(driver->name());
  return "";
}

}  // namespace

std::vector<Coverage> coverage(std::span<const Driver* const> drivers) {
  std::vector<Coverage> result;
  for (const Op* const op : all_ops()) {
    std::vector<std::string> types;
    for (const auto& [type, kernel] : op->kernels) types.emplace_back(word(type));
    result.push_back({std::string(op->name), op->domain.empty() ? "ai.onnx" : std::string(op->domain),
                      op->since, std::move(types), op->gradient != nullptr, driver_of(*op, drivers)});
  }
  std::ranges::sort(result, {}, [](const Coverage& row) { return std::tie(row.domain, row.op); });
  return result;
}

}  // namespace dormouse::daemon
