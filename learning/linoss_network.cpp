#include "learning/layers.h"
#include "learning/linoss_builder.h"

namespace dormouse::learning {
namespace {

using engine::Graph;
using engine::kDynamic;
using engine::Value;

/// The samples of a sequence [N, T, H] that are answered.
Value read_out(Value x, const LinossOptions& options) {
  const auto at = [&](std::int64_t value) { return engine::integers(*x.graph, {value}); };
  const std::int64_t steps = options.readout_steps;
  if (options.readout == Readout::mean) return engine::reduce_mean(x, {1}, false);
  if (options.readout == Readout::last) return engine::apply("Slice", {x, at(-steps), at(INT64_MAX), at(1)});
  return engine::apply("Slice", {x, at(steps - 1), at(INT64_MAX), at(1), at(steps)});
}

/// Encoder and blocks; `states` as linoss_sequence() takes them.
LinossSequence run(const LinossBuilder& builder, Value samples, std::int64_t blocks,
                   std::span<const Value> states) {
  LinossSequence made{builder.affine(samples, "encoder"), {}};
  for (std::int64_t i = 0; i < blocks; ++i) {
    const Value before = states.empty() ? Value{} : states[static_cast<std::size_t>(i)];
    const LinossBuilder::Block block = builder.block(i, made.output, before);
    made.output = block.output;
    made.states.push_back(block.oscillators.last);
  }
  return made;
}

std::string state_name(std::size_t block) {
  return LinossBuilder::block_name(static_cast<std::int64_t>(block)) + ".state";
}

}  // namespace

Graph linoss_graph(const LinossOptions& options, const LinossWeights& weights) {
  Graph graph;
  LinossBuilder builder(graph, options, weights);
  const Value samples = builder.input("samples", {kDynamic, kDynamic, options.inputs});
  const LinossSequence made = run(builder, samples, options.blocks, {});
  builder.give(builder.answer(read_out(made.output, options)), "answers");
  return graph;
}

LinossSequence linoss_sequence(Value samples, const LinossOptions& options, const LinossWeights& weights,
                               const std::string& prefix, std::span<const Value> states) {
  return run(LinossBuilder(*samples.graph, options, weights, prefix), samples, options.blocks, states);
}

Graph linoss_stream_graph(const LinossOptions& options, const LinossWeights& weights, std::int64_t window) {
  Graph graph;
  LinossBuilder builder(graph, options, weights);
  const Value samples = builder.input("samples", {kDynamic, 1, options.inputs});
  StreamStates states;
  std::vector<Value> before;
  for (std::size_t i = 0; std::cmp_less(i, options.blocks); ++i)
    before.push_back(
        states.before(graph, state_name(i), {kDynamic, 2, 2 * options.oscillators}, samples.dtype()));
  const LinossSequence made = run(builder, samples, options.blocks, before);
  for (std::size_t i = 0; i < made.states.size(); ++i) states.after(state_name(i), made.states[i]);
  Value x = engine::squeeze(made.output, {1});
  if (options.readout == Readout::mean) x = states.mean(x, "", static_cast<double>(window));
  builder.give(builder.answer(x), "answer");
  for (const auto& [name, state] : states.list()) builder.give({&graph, state}, name + ".next");
  return graph;
}

}  // namespace dormouse::learning
