#include "engine/quantizing/calibration.h"

#include <algorithm>

#include "engine/session.h"

namespace dormouse::engine {

std::unordered_map<ValueId, Range> measure_ranges(const Graph& graph, std::span<const ValueId> values,
                                                  std::span<const Batch> data,
                                                  std::span<const Driver* const> drivers) {
  std::unordered_map<ValueId, Range> ranges;
  // Inputs are not made by any node, so they cannot be asked for as outputs.
  const auto& inputs = graph.inputs();
  std::vector<ValueId> made;
  for (const ValueId id : values)
    if (std::ranges::find(inputs, id) == inputs.end()) made.push_back(id);
  const auto note = [&](ValueId id, const Tensor& tensor) {
    if (!all_finite(tensor.values<float>()))
      throw Failure(Errc::invalid, "value '" + graph.value(id).name + "' is not finite on this data");
    Range& range = ranges[id];
    for (const float element : tensor.values<float>()) range.include(element);
  };
  Graph observed = graph;
  observed.set_outputs(made);
  const Session session(observed, drivers, {.plans = 2});
  for (const Batch& batch : data) {
    const std::vector<Tensor> seen = session.run(batch);
    for (std::size_t i = 0; i < made.size(); ++i) note(made[i], seen[i]);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (std::ranges::find(values, inputs[i]) != values.end()) note(inputs[i], batch[i]);
  }
  return ranges;
}

}  // namespace dormouse::engine
