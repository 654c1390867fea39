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

/// Encoder and blocks, from rest: [N, T, inputs] → [N, T, H].
Value blocks(const LinossBuilder& builder, Value samples, const LinossOptions& options) {
  Value x = builder.affine(samples, "encoder");
  for (std::int64_t i = 0; i < options.blocks; ++i) x = builder.block(i, x, {}).output;
  return x;
}

}  // namespace

Graph linoss_graph(const LinossOptions& options, const LinossWeights& weights) {
  Graph graph;
  LinossBuilder builder(graph, options, weights);
  const Value x = blocks(builder, builder.input("samples", {kDynamic, kDynamic, options.inputs}), options);
  builder.give(builder.answer(read_out(x, options)), "answers");
  return graph;
}

LinossSequence linoss_sequence(Value samples, const LinossOptions& options, const LinossWeights& weights,
                               const std::string& prefix, std::span<const Value> states) {
  const LinossBuilder builder(*samples.graph, options, weights, prefix);
  LinossSequence made{builder.affine(samples, "encoder"), {}};
  for (std::int64_t i = 0; i < options.blocks; ++i) {
    const Value before = states.empty() ? Value{} : states[static_cast<std::size_t>(i)];
    const LinossBuilder::Block block = builder.block(i, made.output, before);
    made.output = block.output;
    made.states.push_back(block.oscillators.last);
  }
  return made;
}

Graph linoss_stream_graph(const LinossOptions& options, const LinossWeights& weights, std::int64_t window) {
  Graph graph;
  LinossBuilder builder(graph, options, weights);
  Value x = builder.affine(builder.input("samples", {kDynamic, 1, options.inputs}), "encoder");
  std::vector<std::pair<std::string, Value>> after;
  for (std::int64_t i = 0; i < options.blocks; ++i) {
    const std::string name = LinossBuilder::block_name(i) + ".state";
    const Value state = builder.input(name, {kDynamic, 2, 2 * options.oscillators});
    const LinossBuilder::Block block = builder.block(i, x, state);
    x = block.output;
    after.emplace_back(name, block.oscillators.last);
  }
  x = engine::squeeze(x, {1});
  if (options.readout == Readout::mean) {
    const Value mean = builder.input("mean", {kDynamic, options.hidden});
    const Value count = builder.input("count", {kDynamic, 1}) + 1;
    x = mean + (x - mean) / count;
    after.emplace_back("mean", x);
    after.emplace_back("count", engine::apply("Min", {count, engine::scalar_like(count, double(window))}));
  }
  builder.give(builder.answer(x), "answer");
  for (const auto& [name, value] : after) builder.give(value, name + ".next");
  return graph;
}

}  // namespace dormouse::learning
