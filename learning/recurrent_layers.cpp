#include "learning/recurrent_layers.h"

#include "engine/op.h"

namespace dormouse::learning {
namespace {

using engine::Attributes;
using engine::Graph;
using engine::Shape;
using engine::Tensor;
using engine::Value;
using engine::ValueId;

struct RecurrentOptions {
  std::int64_t units = 0;
  SequenceOutput output = SequenceOutput::last;
  std::string name;
};

struct TimedOptions {
  RecurrentOptions recurrent;
  bool times = false;
};

void bind_options(config::Binder& binder, RecurrentOptions& options) {
  binder.required("units", options.units, config::range(1, 4096));
  binder.optional("output", options.output,
                  config::one_of<SequenceOutput>(
                      {{"last", SequenceOutput::last}, {"sequence", SequenceOutput::sequence}}));
  binder.optional("name", options.name);
}

void bind_options(config::Binder& binder, TimedOptions& options) {
  bind_options(binder, options.recurrent);
  binder.optional("times", options.times);
}

/// What tells the layers apart.
struct Cell {
  std::string_view op, domain = {};
  std::int64_t gates;
  std::vector<std::string> states;
  Attributes attributes = {};
  std::int64_t open_gate = -1;  ///< whose bias begins at 1
};

Tensor biases(const Cell& cell, std::int64_t units, Random& random) {
  Tensor bias = uniform({1, 2 * cell.gates * units}, units, random);
  if (cell.open_gate < 0) return bias;
  const auto values = bias.mutable_values<float>();
  for (std::int64_t i = 0; i < units; ++i) {
    values[static_cast<std::size_t>(cell.open_gate * units + i)] = 1;
    values[static_cast<std::size_t>((cell.gates + cell.open_gate) * units + i)] = 0;
  }
  return bias;
}

/// A sequence [rows, N, channels], and perhaps the time since the sample before each, [rows, N].
struct Samples {
  Value values, elapsed;
};

/// The last channel is taken for the times where `times` is set.
Samples samples_of(Value x, bool times, const config::Node& node) {
  const Value values = engine::transpose(by_time(x, node), {1, 0, 2});
  if (!times) return {values, {}};
  const std::int64_t channels = values.shape()[2];
  if (channels < 2)
    throw config::complaint(node.location, node.path, "times takes the last of two or more channels");
  Graph& graph = *x.graph;
  const Value sizes = engine::integers(graph, {channels - 1, 1});
  const auto parts = graph.add_node(*engine::find_op("", "Split"), {values.id, sizes.id},
                                    {{"axis", std::int64_t{2}}}, {"", ""});
  return {{&graph, parts[0]}, engine::squeeze({&graph, parts[1]}, {2})};
}

/// The node's inputs.
std::vector<ValueId> inputs_of(const Cell& cell, const Samples& samples, std::int64_t units,
                               LayerContext& context) {
  Graph& graph = *samples.values.graph;
  const std::int64_t in = samples.values.shape()[2], wide = cell.gates * units;
  std::vector<ValueId> inputs{
      samples.values.id, context.weight(graph, "weight", uniform({1, wide, in}, units, context.random)).id,
      context.weight(graph, "recurrence", uniform({1, wide, units}, units, context.random)).id,
      context.weight(graph, "bias", biases(cell, units, context.random)).id};
  if (!context.stream && !samples.elapsed) return inputs;
  inputs.push_back(engine::kAbsent);  // sequence lengths
  for (const std::string& state : cell.states)
    inputs.push_back(context.stream ? engine::unsqueeze(context.stream->before(graph, context.prefix + state,
                                                                               {engine::kDynamic, units}),
                                                        {0})
                                          .id
                                    : engine::kAbsent);
  if (samples.elapsed) inputs.push_back(samples.elapsed.id);
  return inputs;
}

Value append(const Samples& samples, const RecurrentOptions& options, LayerContext& context,
             const Cell& cell) {
  Attributes attributes = cell.attributes;
  attributes.set("hidden_size", options.units);
  Graph& graph = *samples.values.graph;
  const std::vector<ValueId> outputs =
      graph.add_node(*engine::find_op(cell.domain, cell.op), inputs_of(cell, samples, options.units, context),
                     std::move(attributes), std::vector<std::string>(1 + cell.states.size()));
  if (context.stream)
    for (std::size_t i = 0; i < cell.states.size(); ++i)
      context.stream->after(context.prefix + cell.states[i], engine::squeeze({&graph, outputs[1 + i]}, {0}));
  const bool last = options.output == SequenceOutput::last;
  context.over_time = !last;
  const Value answer = last ? engine::squeeze({&graph, outputs[1]}, {0})
                            : engine::transpose(engine::squeeze({&graph, outputs[0]}, {1}), {1, 2, 0});
  return named(answer, options.name);
}

}  // namespace

Value append_lstm(Value x, const config::Node& node, LayerContext& context) {
  static const Cell cell{.op = "LSTM", .gates = 4, .states = {"hidden", "cell"}, .open_gate = 2};
  return append(samples_of(x, false, node), config::read<RecurrentOptions>(node), context, cell);
}

Value append_gru(Value x, const config::Node& node, LayerContext& context) {
  static const Cell cell{.op = "GRU",
                         .gates = 3,
                         .states = {"hidden"},
                         .attributes = {{"linear_before_reset", std::int64_t{1}}}};
  return append(samples_of(x, false, node), config::read<RecurrentOptions>(node), context, cell);
}

Value append_cfc(Value x, const config::Node& node, LayerContext& context) {
  static const Cell cell{.op = "CfC", .domain = "dormouse", .gates = 4, .states = {"hidden"}};
  const auto options = config::read<TimedOptions>(node);
  return append(samples_of(x, options.times, node), options.recurrent, context, cell);
}

}  // namespace dormouse::learning
