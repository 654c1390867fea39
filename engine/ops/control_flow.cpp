#include "engine/ops/control_flow.h"

#include <algorithm>
#include <cstring>

#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

using Subgraph = std::shared_ptr<const Graph>;
using Slot = InferContext::Slot;

void give(Graph& graph, ValueId input, const Slot& slot) {
  if (slot.shape_known)
    graph.set_input_shape(input, slot.shape);
  else
    graph.forget_input_shape(input);
}

}  // namespace

std::size_t own_inputs(const Attributes& attributes, std::size_t inputs) {
  const auto captures = static_cast<std::size_t>(attributes.integer("captures", 0));
  return inputs - std::min(captures, inputs);
}

const Graph& subgraph(const InferContext& context, std::string_view name) {
  const Subgraph* const graph = context.attributes().find<Subgraph>(name);
  if (!graph || !*graph) context.fail("the subgraph " + std::string(name) + " is missing");
  return **graph;
}

const Graph& subgraph(const Node& node, std::string_view name) {
  return **node.attributes.find<Subgraph>(name);
}

Slots infer_subgraph(const InferContext& context, const Graph& graph, Slots own) {
  for (std::size_t i = own_inputs(context); i < context.inputs(); ++i) own.push_back(context.input(i));
  const std::vector<ValueId>& inputs = graph.inputs();
  context.require(own.size() == inputs.size(), "its subgraph takes " + std::to_string(inputs.size()) +
                                                   " inputs and would be given " +
                                                   std::to_string(own.size()));
  Graph specialised = graph;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const ValueInfo& input = graph.value(inputs[i]);
    context.require(own[i].dtype == input.dtype, "its subgraph's input '" + input.name + "' is " +
                                                     std::string(word(input.dtype)) + " and would be given " +
                                                     std::string(word(own[i].dtype)));
    give(specialised, inputs[i], own[i]);
  }
  specialised.reinfer();
  Slots outputs;
  for (const ValueId id : specialised.outputs()) {
    outputs.push_back(slot_of(specialised.value(id)));
    outputs.back().constant = nullptr;  // it goes with `specialised`
  }
  return outputs;
}

Slot either(const Slot& a, const Slot& b) {
  Slot both = a;
  both.constant = nullptr;
  both.shape_known = a.shape_known && b.shape_known && a.shape.rank() == b.shape.rank();
  if (!both.shape_known) return {true, a.dtype, false, {}, nullptr};
  for (std::size_t d = 0; d < a.shape.rank(); ++d)
    if (a.shape[d] != b.shape[d]) both.shape[d] = kDynamic;
  return both;
}

bool fits(const Slot& narrow, const Slot& wide) {
  if (!wide.shape_known) return true;
  return narrow.shape_known && std::ranges::equal(narrow.shape, wide.shape, [](auto is, auto may_be) {
           return may_be == kDynamic || is == may_be;
         });
}

bool may_be_one(const InferContext& context, std::size_t i) {
  return !context.has_shape(i) || !context.shape(i).is_static() || context.shape(i).elements() == 1;
}

const Tensor& require_one(const Node& node, const Tensor& tensor, std::string_view what) {
  if (tensor.elements() == 1) return tensor;
  throw Failure(Errc::invalid, std::string(node.op->name) + " (node " + node.name +
                                   "): " + std::string(what) + " has shape " + to_string(tensor.shape()) +
                                   " where one element is needed");
}

bool is_true(const Tensor& condition) { return condition.bytes()[0] != std::byte{0}; }

std::vector<Tensor> captured(const Node& node, std::span<const Tensor* const> inputs) {
  std::vector<Tensor> tensors;
  for (const Tensor* const tensor : inputs.subspan(own_inputs(node.attributes, inputs.size())))
    tensors.push_back(*tensor);
  return tensors;
}

std::vector<Rows> rows_of(const Node& node, const Graph& body, std::size_t first) {
  std::vector<Rows> rows;
  for (std::size_t i = first; i < body.outputs().size(); ++i)
    rows.emplace_back(node, body.value(body.outputs()[i]));
  return rows;
}

void Rows::fail(Errc code, const std::string& what) const {
  throw Failure(code,
                std::string(node_->op->name) + " (node " + node_->name + "): '" + like_->name + "' " + what);
}

void Rows::add(Tensor row) {
  const std::int64_t elements = std::max<std::int64_t>(row.elements(), 1);
  if (static_cast<std::int64_t>(rows_.size()) >= kMaxElements / elements)
    fail(Errc::too_large, "has grown beyond what a tensor may hold");
  if (!rows_.empty() && row.shape() != rows_.front().shape())
    fail(Errc::invalid, "is " + to_string(rows_.front().shape()) + " in one iteration and " +
                            to_string(row.shape()) + " in another");
  rows_.push_back(std::move(row));
}

Tensor Rows::stacked() const {
  Shape shape{static_cast<std::int64_t>(rows_.size())};
  for (const std::int64_t extent : rows_.empty() ? like_->shape : rows_.front().shape())
    shape.push_back(std::max<std::int64_t>(extent, 0));
  Tensor result(like_->dtype, shape);
  std::byte* to = result.mutable_data();
  for (const Tensor& row : rows_) {
    if (row.byte_size() > 0) std::memcpy(to, row.data(), row.byte_size());
    to += row.byte_size();
  }
  return result;
}

}  // namespace dormouse::engine
