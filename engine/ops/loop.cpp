#include <limits>

#include "engine/ops/control_flow.h"

/// Loop(count?, condition?, carried…): runs its body while the condition holds, `count` times at most.
///
/// The body takes the iteration's number, the condition and the carried values, and gives the next condition,
/// the next carried values and elements that are stacked along a new axis 0.
namespace dormouse::engine {
namespace {

using Slot = InferContext::Slot;

constexpr std::size_t kFirst = 2;  // of the carried values, among the node's inputs and the body's

Slot scalar(DType type) { return {true, type, true, {}, nullptr}; }

Slots given(const Attributes&, std::span<const Slot> own) {
  Slots slots{scalar(DType::i64), scalar(DType::boolean)};
  for (const Slot& carried : own.subspan(std::min(kFirst, own.size())))
    slots.push_back({true, carried.dtype, false, {}, nullptr});  // the body may change its shape
  return slots;
}

std::size_t carried_count(const InferContext& context) {
  const std::size_t own = own_inputs(context);
  return own - std::min(kFirst, own);
}

void check(const InferContext& context) {
  const std::size_t own = own_inputs(context);
  for (std::size_t i = kFirst; i < own; ++i)
    context.require(context.has_input(i), "a carried value is missing");
  if (own > 0 && context.has_input(0))
    context.require(context.dtype(0) == DType::i64 && may_be_one(context, 0),
                    "the trip count is not one i64");
  if (own > 1 && context.has_input(1))
    context.require(context.dtype(1) == DType::boolean && may_be_one(context, 1),
                    "the condition is not one bool");
}

/// The body's outputs when `own` is what it may be given in any iteration: `own` is widened until it is.
Slots infer_body(const InferContext& context, const Graph& body, Slots own) {
  const std::size_t carried = carried_count(context);
  Slots outputs = infer_subgraph(context, body, own);
  context.require(outputs.size() == context.outputs() + 1 && outputs.size() > carried,
                  "its body has " + std::to_string(outputs.size()) + " outputs; the node needs " +
                      std::to_string(context.outputs() + 1));
  const auto stable = [&] {
    for (std::size_t i = 0; i < carried; ++i)
      if (!fits(outputs[i + 1], own[kFirst + i])) return false;
    return true;
  };
  if (stable()) return outputs;
  for (std::size_t i = 0; i < carried; ++i)
    if (!fits(outputs[i + 1], own[kFirst + i])) own[kFirst + i] = either(own[kFirst + i], outputs[i + 1]);
  outputs = infer_subgraph(context, body, own);
  if (!stable())
    for (Slot& output : outputs) output.shape_known = false;  // no second guess: any shape is right
  return outputs;
}

void infer(InferContext& context) {
  check(context);
  const std::size_t carried = carried_count(context);
  Slots own = given(context.attributes(), {});
  for (std::size_t i = 0; i < carried; ++i) own.push_back(context.input(kFirst + i));
  const Slots outputs = infer_body(context, subgraph(context, "body"), own);
  context.require(outputs[0].dtype == DType::boolean, "its body's condition is not a bool");
  for (std::size_t i = 0; i < context.outputs(); ++i) {
    Slot output = outputs[i + 1];
    if (i < carried) {
      context.require(output.dtype == own[kFirst + i].dtype,
                      "its body changes the type of carried value " + std::to_string(i));
      output = either(own[kFirst + i], output);  // of no iteration at all: as it was given
    } else if (output.shape_known) {
      std::vector<std::int64_t> extents{kDynamic};
      extents.insert(extents.end(), output.shape.begin(), output.shape.end());
      output.shape = Shape(std::move(extents));
    }
    context.set_output(i, output);
  }
}

std::int64_t trip_count(const Node& node, std::span<const Tensor* const> own) {
  if (own.empty() || !own[0]) return std::numeric_limits<std::int64_t>::max();
  return require_one(node, *own[0], "the trip count").values<std::int64_t>()[0];
}

std::vector<Tensor> run(const Node& node, std::span<const Tensor* const> inputs, const RunSubgraph& run) {
  const auto own = inputs.first(own_inputs(node.attributes, inputs.size()));
  const std::vector<Tensor> outer = captured(node, inputs);
  const Graph& body = subgraph(node, "body");
  const std::int64_t count = trip_count(node, own);
  const auto truth = [&](const Tensor& tensor) {
    return is_true(require_one(node, tensor, "the condition"));
  };
  bool go_on = own.size() < 2 || !own[1] || truth(*own[1]);
  std::vector<Tensor> carried;
  for (const Tensor* const tensor : own.subspan(std::min(kFirst, own.size()))) carried.push_back(*tensor);
  std::vector<Rows> rows = rows_of(node, body, 1 + carried.size());
  for (std::int64_t i = 0; i < count && go_on; ++i) {
    std::vector<Tensor> given{Tensor::scalar(i), Tensor::scalar(go_on)};
    given.insert(given.end(), carried.begin(), carried.end());
    given.insert(given.end(), outer.begin(), outer.end());
    std::vector<Tensor> made = run(body, given);
    go_on = truth(made[0]);
    for (std::size_t c = 0; c < carried.size(); ++c) carried[c] = std::move(made[1 + c]);
    for (std::size_t r = 0; r < rows.size(); ++r) rows[r].add(std::move(made[1 + carried.size() + r]));
  }
  for (const Rows& stack : rows) carried.push_back(stack.stacked());
  return carried;
}

constexpr ControlFlow control{given, run};

}  // namespace

namespace ops {
extern const Op loop{.name = "Loop",
                     .min_inputs = 0,
                     .max_inputs = SIZE_MAX,
                     .max_outputs = SIZE_MAX,
                     .infer = infer,
                     .control = &control};
}  // namespace ops

}  // namespace dormouse::engine
