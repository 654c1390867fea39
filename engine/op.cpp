#include "engine/op.h"

#include <algorithm>

namespace dormouse::engine {
namespace {

std::string describe(const InferContext::Slot& slot) {
  if (!slot.present) return "absent";
  return std::string(word(slot.dtype)) + " " +
         (slot.shape_known ? to_string(slot.shape) : "of unknown shape");
}

}  // namespace

InferContext::Slot slot_of(const ValueInfo& value) {
  return {true, value.dtype, value.shape_known, value.shape, value.constant ? &*value.constant : nullptr};
}

InferContext::InferContext(const Graph& graph, const Node& node)
    : node_(&node), outputs_(node.outputs.size()) {
  inputs_.reserve(node.inputs.size());
  for (const ValueId id : node.inputs) inputs_.push_back(id == kAbsent ? Slot{} : slot_of(graph.value(id)));
}

InferContext::InferContext(const Node& node, std::span<const Tensor* const> inputs)
    : node_(&node), outputs_(node.outputs.size()) {
  inputs_.reserve(inputs.size());
  for (const Tensor* tensor : inputs)
    inputs_.push_back(tensor ? Slot{true, tensor->dtype(), true, tensor->shape(), tensor} : Slot{});
}

void InferContext::set_output(std::size_t i, DType type, Shape shape) {
  if (i < outputs_.size()) outputs_[i] = {true, type, true, std::move(shape), nullptr};
}

void InferContext::set_output(std::size_t i, DType type) {
  if (i < outputs_.size()) outputs_[i] = {true, type, false, {}, nullptr};
}

void InferContext::set_output(std::size_t i, Slot slot) {
  slot.constant = nullptr;
  if (i < outputs_.size()) outputs_[i] = std::move(slot);
}

namespace {

std::string located(const Node& node, std::string_view what, const std::vector<InferContext::Slot>& inputs) {
  std::string text = std::string(node.op->name);
  if (!node.name.empty()) text += " (node " + node.name + ")";
  text += ": ";
  text += what;
  text += "; inputs: ";
  for (std::size_t i = 0; i < inputs.size(); ++i) text += (i ? ", " : "") + describe(inputs[i]);
  return text;
}

}  // namespace

void InferContext::fail(std::string_view what) const {
  throw Failure(Errc::invalid, located(*node_, what, inputs_));
}

void InferContext::unsupported(std::string_view what) const {
  throw Failure(Errc::unsupported, located(*node_, what, inputs_));
}

std::size_t InferContext::axis(std::int64_t axis, std::size_t rank) const {
  const auto found = normalise_axis(axis, rank);
  if (!found) fail("axis " + std::to_string(axis) + " is outside rank " + std::to_string(rank));
  return *found;
}

Kernel Op::kernel_for(DType type) const {
  const auto found = std::ranges::find(kernels, type, &std::pair<DType, Kernel>::first);
  return found == kernels.end() ? nullptr : found->second;
}

}  // namespace dormouse::engine
