#include "engine/interpreter.h"
#include "engine/ops/control_flow.h"

/// Scan(state…, sequence…): runs its body once for each element along the sequences' axes.
///
/// The body takes the state and one slice of each sequence, and gives the next state and slices of the
/// results. The last `num_scan_inputs` inputs are sequences. Axes and directions are lists by sequence or
/// result.
namespace dormouse::engine {
namespace {

using Slot = InferContext::Slot;

/// Entry i of the list attribute `name`, 0 when there is no list.
std::int64_t entry(const Attributes& attributes, std::string_view name, std::size_t i) {
  const auto* const list = attributes.find<std::vector<std::int64_t>>(name);
  return list && i < list->size() ? (*list)[i] : 0;
}

std::size_t sequences(const Attributes& attributes, std::size_t own) {
  const std::int64_t count = attributes.integer("num_scan_inputs", 0);
  return count < 0 ? 0 : std::min(static_cast<std::size_t>(count), own);
}

Slot slice(const Attributes& attributes, const Slot& sequence, std::size_t i) {
  const auto axis = normalise_axis(entry(attributes, "scan_input_axes", i), sequence.shape.rank());
  if (!sequence.shape_known || !axis) return {true, sequence.dtype, false, {}, nullptr};
  std::vector<std::int64_t> extents = sequence.shape.extents();
  extents.erase(extents.begin() + static_cast<std::ptrdiff_t>(*axis));
  return {true, sequence.dtype, true, Shape(std::move(extents)), nullptr};
}

Slots given(const Attributes& attributes, std::span<const Slot> own) {
  const std::size_t states = own.size() - sequences(attributes, own.size());
  Slots slots(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(states));
  for (Slot& state : slots) state.constant = nullptr;
  for (std::size_t i = states; i < own.size(); ++i) slots.push_back(slice(attributes, own[i], i - states));
  return slots;
}

void check_directions(const InferContext& context, std::string_view name, std::size_t count) {
  const std::vector<std::int64_t> directions = context.attributes().integers(name);
  context.require(directions.size() <= count, std::string(name) + " has too many entries");
  for (const std::int64_t direction : directions)
    context.require(direction == 0 || direction == 1, std::string(name) + " has an entry besides 0 and 1");
}

/// The extent of every sequence along its axis; kDynamic when it is not known.
std::int64_t check_sequences(const InferContext& context, std::size_t states, std::size_t count) {
  const Attributes& attributes = context.attributes();
  context.require(attributes.integers("scan_input_axes").size() <= count,
                  "scan_input_axes has too many entries");
  std::int64_t length = kDynamic;
  for (std::size_t i = 0; i < count; ++i) {
    if (!context.has_shape(states + i)) continue;
    const Shape& shape = context.shape(states + i);
    const std::int64_t extent = shape[context.axis(entry(attributes, "scan_input_axes", i), shape.rank())];
    context.require(compatible(extent, length), "its sequences differ in length");
    if (extent != kDynamic) length = extent;
  }
  return length;
}

Slot result(const InferContext& context, Slot slot, std::size_t i, std::int64_t length) {
  if (!slot.shape_known) return slot;
  const std::size_t axis =
      context.axis(entry(context.attributes(), "scan_output_axes", i), slot.shape.rank() + 1);
  std::vector<std::int64_t> extents = slot.shape.extents();
  extents.insert(extents.begin() + static_cast<std::ptrdiff_t>(axis), length);
  slot.shape = Shape(std::move(extents));
  return slot;
}

void infer(InferContext& context) {
  const std::size_t own = own_inputs(context);
  for (std::size_t i = 0; i < own; ++i) context.require(context.has_input(i), "an input is missing");
  const std::size_t count = sequences(context.attributes(), own), states = own - count;
  context.require(context.attributes().integer("num_scan_inputs", 0) >= 1 && count >= 1,
                  "num_scan_inputs is missing, or below 1");
  check_directions(context, "scan_input_directions", count);
  const std::int64_t length = check_sequences(context, states, count);
  Slots inputs;
  for (std::size_t i = 0; i < own; ++i) inputs.push_back(context.input(i));
  const Slots outputs =
      infer_subgraph(context, subgraph(context, "body"), given(context.attributes(), inputs));
  context.require(outputs.size() == context.outputs() && outputs.size() >= states,
                  "its body has " + std::to_string(outputs.size()) + " outputs and the node " +
                      std::to_string(context.outputs()));
  check_directions(context, "scan_output_directions", outputs.size() - states);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (i < states) context.require(outputs[i].dtype == context.dtype(i), "its body changes a state's type");
    context.set_output(
        i, i < states ? either(inputs[i], outputs[i]) : result(context, outputs[i], i - states, length));
  }
}

/// `tensor` with axis `from` moved to place `to`.
Tensor move_axis(const Tensor& tensor, std::size_t from, std::size_t to) {
  if (from == to) return tensor;
  std::vector<std::int64_t> order;
  for (std::size_t d = 0; d < tensor.shape().rank(); ++d)
    if (d != from) order.push_back(static_cast<std::int64_t>(d));
  order.insert(order.begin() + static_cast<std::ptrdiff_t>(to), static_cast<std::int64_t>(from));
  const Node transpose{"", find_op("", "Transpose"), {{"perm", std::move(order)}}, {0}, {1}};
  return interpret(transpose, std::array{&tensor})[0];
}

/// The sequences with the axis they are walked along in front; refused when they differ in length.
std::vector<Tensor> in_front(const Node& node, std::span<const Tensor* const> inputs) {
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Shape& shape = inputs[i]->shape();
    const auto axis = normalise_axis(entry(node.attributes, "scan_input_axes", i), shape.rank());
    if (!axis || (i > 0 && shape[*axis] != tensors[0].shape()[0]))
      throw Failure(Errc::invalid, "Scan (node " + node.name + "): sequence " + std::to_string(i) + " is " +
                                       to_string(shape) + ", of another length or without the axis");
    tensors.push_back(move_axis(*inputs[i], *axis, 0));
  }
  return tensors;
}

Tensor element(const Tensor& sequence, std::int64_t i) {
  const std::vector<std::int64_t>& extents = sequence.shape().extents();
  return sequence.rows(i, 1).reshaped(Shape(std::span(extents).subspan(1)));
}

Tensor finish(const Attributes& attributes, Rows& rows, std::size_t i) {
  if (entry(attributes, "scan_output_directions", i) != 0) rows.reverse();
  Tensor stacked = rows.stacked();
  const auto axis = normalise_axis(entry(attributes, "scan_output_axes", i), stacked.shape().rank());
  return move_axis(stacked, 0, axis.value_or(0));
}

std::vector<Tensor> run(const Node& node, std::span<const Tensor* const> inputs, const RunSubgraph& run) {
  const std::size_t own = own_inputs(node.attributes, inputs.size());
  const std::size_t states = own - sequences(node.attributes, own);
  const std::vector<Tensor> outer = captured(node, inputs),
                            sequence = in_front(node, inputs.subspan(states, own - states));
  const Graph& body = subgraph(node, "body");
  std::vector<Tensor> state;
  for (const Tensor* const tensor : inputs.first(states)) state.push_back(*tensor);
  std::vector<Rows> rows = rows_of(node, body, states);
  const std::int64_t length = sequence[0].shape()[0];
  for (std::int64_t i = 0; i < length; ++i) {
    std::vector<Tensor> given = std::move(state);
    for (std::size_t s = 0; s < sequence.size(); ++s) {
      const bool backward = entry(node.attributes, "scan_input_directions", s) != 0;
      given.push_back(element(sequence[s], backward ? length - 1 - i : i));
    }
    given.insert(given.end(), outer.begin(), outer.end());
    state = run(body, given);
    for (std::size_t r = 0; r < rows.size(); ++r) rows[r].add(std::move(state[states + r]));
    state.resize(states);
  }
  for (std::size_t r = 0; r < rows.size(); ++r) state.push_back(finish(node.attributes, rows[r], r));
  return state;
}

constexpr ControlFlow control{given, run};

}  // namespace

namespace ops {
extern const Op scan{.name = "Scan",
                     .since = 9,
                     .max_inputs = SIZE_MAX,
                     .max_outputs = SIZE_MAX,
                     .infer = infer,
                     .control = &control};
}  // namespace ops

}  // namespace dormouse::engine
