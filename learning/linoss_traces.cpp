#include "learning/linoss_traces.h"

#include <array>

#include "engine/autodiff.h"
#include "engine/op.h"

namespace dormouse::learning {
namespace {

using engine::Value;

/// One scan of a single step: rows [K, 2, C] are sequences of their own.
Value advance(Value drives, Value matrices, Value states) {
  const Value next =
      engine::apply("OscillatorScan", {engine::unsqueeze(drives, {1}), matrices, states}, {}, "dormouse");
  return engine::squeeze(next, {1});
}

std::vector<Value> recurrent(const OscillatorParameters& raw) {
  if (!raw.damping) return {raw.stiffness, raw.step};
  return {raw.stiffness, raw.damping, raw.step};
}

/// (∂M/∂θ)·w + (∂f/∂θ)·β [1, 2, 2m]. Each oscillator has a θ of its own, so one tangent tells all
/// derivatives.
Value forcing(Value theta, const LinossOutput& step, Value before) {
  engine::Graph& graph = *theta.graph;
  const Value ones = engine::broadcast_to(engine::scalar_like(theta, 1), theta);
  const auto [matrices, gains] = step.recurrence;
  const auto moved = engine::push_forward(graph, std::array{matrices.id, gains.id},
                                          std::array{engine::Paired{theta.id, ones.id}});
  const Value dm{&graph, moved[0]}, df{&graph, moved[1]};
  return engine::reduce_sum(dm * engine::unsqueeze(before, {1}), {2}, false) + df * step.drive;
}

Value concat(const std::vector<Value>& parts) {
  std::vector<engine::ValueId> ids;
  for (const Value& part : parts) ids.push_back(part.id);
  engine::Graph& graph = *parts[0].graph;
  return {
      &graph,
      graph.add_node(*engine::find_op("", "Concat"), std::move(ids), {{"axis", std::int64_t{0}}}).front()};
}

Value row(Value rows, std::int64_t index) {
  const Value at = engine::constant(*rows.graph, engine::Tensor::scalar<std::int64_t>(index));
  return engine::apply("Gather", {rows, at}, {{"axis", std::int64_t{0}}});
}

/// Of 2m channels those of the real parts, whose oscillators are those of the imaginary ones, too.
Value real_part(Value channels, std::int64_t m) {
  const auto at = [&](std::int64_t value) { return engine::integers(*channels.graph, {value}); };
  return engine::apply("Slice", {channels, at(0), at(m), at(-1)});
}

}  // namespace

OscillatorTraces traces_after(const LinossParameters& parameters, Value input, const LinossOutput& step,
                              Value before, const OscillatorTraces& traces) {
  const std::int64_t m = parameters.oscillators.stiffness.shape()[0], p = input.shape()[2];
  const auto [matrices, gains] = step.recurrence;
  std::vector<Value> forcings;
  for (const Value& theta : recurrent(parameters.oscillators))
    forcings.push_back(forcing(theta, step, before));
  return {
      advance(concat(forcings), matrices, traces.parameters),
      advance(engine::reshape(input, {p, 1, 1}) * real_part(gains, m), real_part(matrices, m), traces.input)};
}

OscillatorGradients online_gradients(const LinossParameters& parameters, const OscillatorTraces& traces,
                                     Value upstream) {
  const std::int64_t m = parameters.oscillators.stiffness.shape()[0], p = traces.input.shape()[0];
  const std::int64_t rows = traces.parameters.shape()[0];
  // Channels as (part, oscillator): re and im move one parameter, but two columns of B.
  const Value products = engine::reshape(upstream, {1, 2, 2 * m}) * traces.parameters;
  const Value sums = engine::reduce_sum(engine::reshape(products, {rows, 4, m}), {1}, false);
  const Value inputs = engine::reshape(upstream, {1, 2, 2, m}) * engine::unsqueeze(traces.input, {2});
  const Value columns = engine::reshape(engine::reduce_sum(inputs, {1}, false), {p, 2 * m});
  const bool damped = static_cast<bool>(parameters.oscillators.damping);
  return {row(sums, 0), damped ? row(sums, 1) : Value{}, row(sums, rows - 1), columns};
}

}  // namespace dormouse::learning
