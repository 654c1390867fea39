#include "engine/ops/recurrent_gradient.h"

#include "engine/autodiff.h"
#include "engine/ops/recurrent_activations.h"

namespace dormouse::engine::recurrent {
namespace {

Value node(std::string_view name, Graph& graph, const std::vector<Value>& inputs, Attributes attributes) {
  std::vector<ValueId> ids;
  for (const Value& value : inputs) ids.push_back(value.id);
  return {&graph, graph.add_node(*find_op("", name), std::move(ids), std::move(attributes)).front()};
}

/// Equal pieces along an axis, which they keep.
std::vector<Value> pieces(Value x, std::int64_t axis, std::size_t count) {
  Graph& graph = *x.graph;
  std::vector<Value> result;
  if (count == 1) return {x};
  for (const ValueId id : graph.add_node(*find_op("", "Split"), {x.id},
                                         {{"axis", axis}, {"num_outputs", static_cast<std::int64_t>(count)}},
                                         std::vector<std::string>(count)))
    result.push_back({&graph, id});
  return result;
}

/// The slices along an axis, which goes.
std::vector<Value> slices(Value x, std::int64_t axis, std::size_t count) {
  std::vector<Value> result = pieces(x, axis, count);
  for (Value& piece : result) piece = squeeze(piece, {axis});
  return result;
}

Value joined(const std::vector<Value>& parts, std::int64_t axis) {
  return parts.size() == 1 ? parts[0] : node("Concat", *parts[0].graph, parts, {{"axis", axis}});
}

/// The steps of a node in time, of all its directions.
class Unrolled {
 public:
  /// `inputs` as the operator's, copies of them.
  Unrolled(const GradientContext& context, const Kind& kind, UnrolledCell cell, std::vector<Value> inputs)
      : kind_(kind),
        cell_(cell),
        attributes_(context.attributes()),
        inputs_(std::move(inputs)),
        batch_first_(attributes_.integer("layout", 0) == 1),
        direction_(attributes_.get<std::string>("direction", "forward")),
        directions_(direction_ == "bidirectional" ? 2 : 1),
        activations_(*activations<double>(attributes_, kind, directions_)) {
    const std::int64_t steps = at(kX).shape()[batch_first_ ? 1 : 0];
    if (!at(kX).info().shape_known || steps == kDynamic || !at(kR).shape().is_static())
      throw Failure(Errc::unsupported, std::string(context.node().op->name) + " (node " +
                                           context.node().name +
                                           "): no gradient of a number of steps that is not known");
    steps_ = static_cast<std::size_t>(steps);
  }

  /// Y, Y_h and, of two states, Y_c.
  std::vector<Value> outputs() {
    for (std::size_t d = 0; d < directions_; ++d) unroll(d);
    // [steps, directions, batch, hidden] and [directions, batch, hidden] until here.
    std::vector<Value> result{joined(sequence_, 1), joined(last_h_, 0)};
    if (kind_.states == 2) result.push_back(joined(last_c_, 0));
    if (batch_first_) {
      result[0] = transpose(result[0], {2, 0, 1, 3});
      for (std::size_t i = 1; i < result.size(); ++i) result[i] = transpose(result[i], {1, 0, 2});
    }
    return result;
  }

 private:
  enum Input : std::size_t { kX, kW, kR, kB, kLengths, kH, kC, kPeepholes, kElapsed = kC };

  bool has(std::size_t i) const { return i < inputs_.size() && inputs_[i]; }
  Value at(std::size_t i) const { return inputs_[i]; }
  /// An input's part for direction d.
  Value part(std::size_t i, std::size_t d, std::int64_t axis = 0) const {
    return slices(at(i), axis, directions_)[d];
  }

  /// Wᵀ or Rᵀ of direction d.
  Value weights(std::size_t i, std::size_t d) const {
    return attributes_.integer(kTransposed, 0) == 1 ? part(i, d) : transpose(part(i, d), {1, 0});
  }

  /// A state at the start, [batch, hidden].
  Value start(std::size_t i, std::size_t d, Value like) const {
    return has(i) ? part(i, d, batch_first_ ? 1 : 0) : broadcast_to(scalar_like(like, 0), like);
  }

  /// X·Wᵀ and the biases of W, [batch, gates · hidden] for each step.
  std::vector<Value> projected(std::size_t d, const std::vector<Value>& biases) const {
    const Value x = batch_first_ ? transpose(at(kX), {1, 0, 2}) : at(kX);
    Value all = matmul(x, weights(kW, d));
    if (!biases.empty())
      all = all + joined({biases.begin(), biases.begin() + static_cast<std::ptrdiff_t>(kind_.gates)}, 0);
    return slices(all, 0, steps_);
  }

  /// Where step t is before a sequence's end, [batch, 1].
  Value active(std::size_t t) const {
    const Value step = constant(*at(kX).graph, Tensor::scalar(static_cast<std::int32_t>(t)));
    return unsqueeze(greater(at(kLengths), step), {1});
  }

  /// [batch, 1] for each step, or none.
  std::vector<Value> elapsed_times() const {
    if (!kind_.timed || !has(kElapsed)) return {};
    std::vector<Value> times = slices(at(kElapsed), batch_first_ ? 1 : 0, steps_);
    for (Value& time : times) time = unsqueeze(time, {1});
    return times;
  }

  void unroll(std::size_t d) {
    UnrolledStep step{};
    step.attributes = &attributes_;
    step.activations =
        std::span(activations_).subspan(d * kind_.activations.size(), kind_.activations.size());
    step.recurrence = weights(kR, d);
    std::vector<Value> biases;
    if (has(kB)) biases = pieces(part(kB, d), 0, 2 * kind_.gates);
    if (!biases.empty())
      step.bias.assign(biases.begin() + static_cast<std::ptrdiff_t>(kind_.gates), biases.end());
    if (has(kPeepholes)) step.peepholes = pieces(part(kPeepholes, d), 0, 3);

    const std::vector<Value> gates = projected(d, biases);
    const Value like = pieces(gates[0], 1, kind_.gates)[0];
    step.h = start(kH, d, like);
    if (kind_.states == 2) step.c = start(kC, d, like);
    const std::vector<Value> elapsed = elapsed_times();
    std::vector<Value> answers(steps_);
    const bool backward = d == 1 || direction_ == "reverse";
    for (std::size_t i = 0; i < steps_; ++i) {
      const std::size_t t = backward ? steps_ - 1 - i : i;
      step.gates = pieces(gates[t], 1, kind_.gates);
      if (!elapsed.empty()) step.elapsed = elapsed[t];
      answers[t] = advance(step, t);
    }
    for (Value& answer : answers) answer = unsqueeze(answer, {0});
    sequence_.push_back(unsqueeze(joined(answers, 0), {1}));
    last_h_.push_back(unsqueeze(step.h, {0}));
    if (kind_.states == 2) last_c_.push_back(unsqueeze(step.c, {0}));
  }

  /// Takes the states one step on; returns what Y gets.
  Value advance(UnrolledStep& step, std::size_t t) const {
    const UnrolledState next = cell_(step);
    if (!has(kLengths)) {
      step.h = next.h;
      step.c = next.c;
      return next.h;
    }
    const Value now = active(t);
    step.h = where(now, next.h, step.h);
    if (next.c) step.c = where(now, next.c, step.c);
    return where(now, next.h, scalar_like(next.h, 0));
  }

  const Kind& kind_;
  UnrolledCell cell_;
  const Attributes& attributes_;
  std::vector<Value> inputs_;
  bool batch_first_;
  std::string direction_;
  std::size_t directions_;
  std::vector<Activation<double>> activations_;
  std::size_t steps_ = 0;
  std::vector<Value> sequence_, last_h_, last_c_;
};

}  // namespace

Value UnrolledStep::activate(std::size_t activation, Value x) const {
  if (const float clip = attributes->get<float>("clip", 0); clip > 0) {
    const auto bound = static_cast<double>(clip);
    x = apply("Clip", {x, scalar_like(x, -bound), scalar_like(x, bound)});
  }
  return append(activations[activation], x);
}

std::vector<Value> UnrolledStep::recur(Value from, std::size_t first, std::size_t count) const {
  Graph& graph = *from.graph;
  const std::int64_t hidden = recurrence.shape()[0];
  const auto bound = [&](std::size_t gate) {
    return integers(graph, {static_cast<std::int64_t>(gate) * hidden});
  };
  const bool all = first == 0 && count == gates.size();
  const Value chosen =
      all ? recurrence
          : apply("Slice", {recurrence, bound(first), bound(first + count), integers(graph, {1})});
  std::vector<Value> reached = pieces(matmul(from, chosen), 1, count);
  for (std::size_t i = 0; i < count && !bias.empty(); ++i) reached[i] = reached[i] + bias[first + i];
  return reached;
}

Gradients gradient(const GradientContext& context, const Kind& kind, UnrolledCell cell) {
  // Copies: one input may be computed from another, and its part in that is none of this node's.
  std::vector<Value> inputs;
  std::vector<ValueId> wanted;
  for (std::size_t i = 0; i < context.node().inputs.size(); ++i) {
    inputs.push_back(context.has_input(i) ? apply("Identity", {context.input(i)}) : Value{});
    if (inputs[i]) wanted.push_back(inputs[i].id);
  }
  const std::vector<Value> outputs = Unrolled(context, kind, cell, inputs).outputs();
  std::vector<Paired> arrived;
  for (std::size_t i = 0; i < context.node().outputs.size(); ++i)
    if (context.upstream(i)) arrived.push_back({outputs[i].id, context.upstream(i).id});
  const std::vector<ValueId> pulled = pull_back(context.graph(), arrived, wanted);
  Gradients result(inputs.size());
  std::size_t next = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i]) result[i] = {&context.graph(), pulled[next++]};
  return result;
}

}  // namespace dormouse::engine::recurrent
