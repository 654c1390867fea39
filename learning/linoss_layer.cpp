#include "learning/linoss_layer.h"

#include "engine/op.h"

namespace dormouse::learning {
namespace {

using engine::Value;

// IMEX is stable for h²A < 4, and slow to rotate back from just below it.
constexpr double kImexShare = 0.999;

Value larger(Value a, Value b) { return engine::apply("Max", {a, b}); }
Value smaller(Value a, Value b) { return engine::apply("Min", {a, b}); }
Value at_least(Value value, double bound) { return larger(value, engine::scalar_like(value, bound)); }
Value squared(Value value) { return value * value; }
Value inverse(Value value) { return engine::apply("Reciprocal", {value}); }

/// Rows of [m], each twice (re and im), one behind the other under `shape`.
Value stacked(std::initializer_list<Value> rows, std::vector<std::int64_t> shape) {
  engine::Graph& graph = *rows.begin()->graph;
  std::vector<engine::ValueId> ids;
  for (const Value& row : rows) ids.insert(ids.end(), {row.id, row.id});
  const engine::Op& concat = *engine::find_op("", "Concat");
  const Value joined{&graph, graph.add_node(concat, std::move(ids), {{"axis", std::int64_t{0}}}).front()};
  return engine::reshape(joined, std::move(shape));
}

/// The physical constants of a step: stiffness A, S and h.
struct Constants {
  Value a, s, h;
};

Constants damped(Value raw, Value damping, Value h, const OscillatorLimits& limits) {
  const Value g = at_least(damping, limits.damping), hg = h * g, r = engine::sqrt(hg + 1);
  // (r − 1)/h written so that nothing cancels.
  const Value low = at_least(squared(g / (r + 1)), limits.stiffness), high = squared((r + 1) / h);
  return {smaller(larger(raw, low), high), inverse(hg + 1), h};
}

Constants constants(Discretisation kind, const OscillatorParameters& raw, const OscillatorLimits& limits) {
  const Value h = engine::sigmoid(raw.step);
  if (kind == Discretisation::damped) return damped(raw.stiffness, raw.damping, h, limits);
  const Value a = at_least(raw.stiffness, limits.stiffness);
  if (kind == Discretisation::im) return {a, inverse(squared(h) * a + 1), h};
  const Value one = engine::scalar_like(h, 1);
  return {smaller(a, (one * (4 * kImexShare)) / squared(h)), engine::broadcast_to(one, h), h};
}

/// Of a sequence's axis 1.
Value last_step(Value sequence) {
  const Value end = engine::constant(*sequence.graph, engine::Tensor::scalar<std::int64_t>(-1));
  return engine::apply("Gather", {sequence, end}, {{"axis", std::int64_t{1}}});
}

Value positions(Value states) {
  const Value one = engine::constant(*states.graph, engine::Tensor::scalar<std::int64_t>(1));
  return engine::apply("Gather", {states, one}, {{"axis", std::int64_t{2}}});
}

}  // namespace

Recurrence discretise(Discretisation kind, const OscillatorParameters& raw, const OscillatorLimits& limits) {
  const auto [a, s, h] = constants(kind, raw, limits);
  const std::int64_t channels = 2 * raw.stiffness.shape()[0];
  const Value hs = h * s, has = hs * a, hhs = h * hs;
  return {stacked({s, -has, hs, 1 - h * has}, {2, 2, channels}), stacked({hs, hhs}, {2, channels})};
}

LinossOutput linoss_layer(Discretisation kind, const LinossParameters& parameters,
                          const OscillatorLimits& limits, Value input, Value state) {
  const Recurrence recurrence = discretise(kind, parameters.oscillators, limits);
  const Value drive = engine::matmul(input, parameters.input);
  const Value pairs = engine::unsqueeze(drive, {2}) * recurrence.gains;
  const Value states = engine::apply("OscillatorScan", {pairs, recurrence.matrices, state}, {}, "dormouse");
  const Value d = parameters.feedthrough;
  const Value through = d.shape().rank() == 1 ? input * d : engine::matmul(input, d);
  return {engine::matmul(positions(states), parameters.output) + through, states, last_step(states),
          recurrence, drive};
}

}  // namespace dormouse::learning
