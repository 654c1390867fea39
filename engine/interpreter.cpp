#include "engine/interpreter.h"

#include <optional>
#include <unordered_map>

#include "engine/kernel_call.h"
#include "engine/op.h"

namespace dormouse::engine {

void SubgraphRuns::count() {
  if (++count_ > kMaxSubgraphRuns)
    throw Failure(Errc::too_large, "its loops came to more than " + std::to_string(kMaxSubgraphRuns) +
                                       " iterations in one run: give it inputs that end them sooner");
}

std::vector<Tensor> interpret(const Node& node, std::span<const Tensor* const> inputs) {
  InferContext context(node, inputs);
  node.op->infer(context);
  std::vector<Tensor> outputs;
  for (const InferContext::Slot& slot : context.inferred()) {
    ensure(slot.shape_known && slot.shape.is_static(), "shapes are known once the data are");
    outputs.emplace_back(slot.dtype, slot.shape);
  }
  if (node.op->is_view) {
    outputs[0] = inputs[0]->reshaped(outputs[0].shape());
    return outputs;
  }
  std::vector<View> in;
  for (const Tensor* tensor : inputs) in.push_back(tensor ? view_of(*tensor) : View{});
  std::vector<View> out;
  for (Tensor& tensor : outputs) out.push_back(view_of(tensor));
  const KernelCall call = prepare(node, in, out);
  const auto scratch = Buffer::allocate(call.scratch_bytes);
  call.run({scratch->writable_data(), call.scratch_bytes});
  return outputs;
}

void throw_if_stopped(const std::stop_token& stop) {
  if (stop.stop_requested())
    throw Failure(Errc::expired, "stopped before the end: its deadline passed, or nobody waits for it");
}

std::vector<Tensor> interpret(const Graph& graph, std::span<const Tensor> inputs, const RunSubgraph& run,
                              const std::stop_token& stop) {
  std::unordered_map<ValueId, Tensor> values;
  for (std::size_t i = 0; i < inputs.size(); ++i) values.emplace(graph.inputs()[i], inputs[i]);
  const auto find = [&](ValueId id) -> const Tensor* {
    if (id == kAbsent) return nullptr;
    const ValueInfo& info = graph.value(id);
    return info.constant ? &*info.constant : &values.at(id);
  };
  for (const Node& node : graph.nodes()) {
    throw_if_stopped(stop);
    std::vector<const Tensor*> in;
    for (const ValueId id : node.inputs) in.push_back(find(id));
    auto out = node.op->control ? node.op->control->run(node, in, run) : interpret(node, in);
    for (std::size_t i = 0; i < out.size(); ++i) values.insert_or_assign(node.outputs[i], std::move(out[i]));
  }
  std::vector<Tensor> outputs;
  for (const ValueId id : graph.outputs()) outputs.push_back(*find(id));
  return outputs;
}

std::vector<Tensor> interpret(const Graph& graph, std::span<const Tensor> inputs) {
  SubgraphRuns runs;
  RunSubgraph run;
  run = [&](const Graph& subgraph, std::span<const Tensor> given) {
    runs.count();
    return interpret(subgraph, given, run, {});
  };
  return interpret(graph, inputs, run, {});
}

}  // namespace dormouse::engine
