#include "engine/context.h"

#include <algorithm>
#include <cstring>

#include "engine/heap_buffer.h"
#include "engine/op.h"

namespace dormouse::engine {
namespace {

void copy_bytes(std::byte* to, const std::byte* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

void copy_elements(const KernelContext& context) noexcept {
  const View& out = context.outputs[0];
  copy_bytes(out.data, context.inputs[0].data, static_cast<std::size_t>(out.elements()) * size_of(out.dtype));
}

}  // namespace

Context::Context(const Plan& plan) : plan_(plan), arena_(lasting_buffer(plan.arena_bytes)) {
  for (std::size_t i = 0; i < plan.places.size(); ++i) views_.push_back(view(static_cast<ValueId>(i)));
  for (const Step& step : plan.steps) bind(step);
  scratch_ = Buffer::allocate(scratch_bytes_);
}

std::vector<Tensor> Context::run(std::span<const Tensor> inputs, const RunSubgraph& run, Spent* spent) {
  Stopwatch watch(spent);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    copy_bytes(views_[static_cast<std::size_t>(plan_.graph.inputs()[i])].data, inputs[i].data(),
               inputs[i].byte_size());
  for (const Bound& step : steps_) {
    watch.hand_over(step.driver);
    this->run(step, run);
  }
  std::vector<Tensor> outputs;
  for (const ValueId id : plan_.graph.outputs()) outputs.push_back(take(id));
  return outputs;
}

void Context::run(const Bound& step, const RunSubgraph& run) {
  if (step.program)
    step.program->run(step.inputs, step.outputs);
  else if (step.control)
    run_control(step, run);
  else
    step.call.run({scratch_->writable_data(), step.call.scratch_bytes});
}

void Context::run_control(const Bound& step, const RunSubgraph& run) const {
  const Node& node = *step.control;
  std::vector<const Tensor*> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    inputs.push_back(node.inputs[i] == kAbsent ? nullptr : &step.operands[i]);
  const std::vector<Tensor> made = node.op->control->run(node, inputs, run);
  for (std::size_t i = 0; i < made.size(); ++i) {
    const View& out = step.outputs[i];
    if (made[i].dtype() != out.dtype || made[i].shape() != *out.shape)
      throw Failure(Errc::invalid, std::string(node.op->name) + " (node " + node.name + "): output " +
                                       std::to_string(i) + " came out as " + to_string(made[i].shape()) +
                                       " where " + to_string(*out.shape) + " was inferred");
    copy_bytes(out.data, made[i].data(), made[i].byte_size());
  }
}

View Context::view(ValueId id) const {
  const ValueInfo& value = plan_.graph.value(id);
  const Place place = plan_.places[static_cast<std::size_t>(id)];
  if (place.kind == Place::Kind::constant) return view_of(*value.constant);
  if (place.kind == Place::Kind::nowhere) return {};
  return {value.dtype, &value.shape, arena_->writable_data() + place.offset};
}

std::vector<View> Context::views(std::span<const ValueId> ids) const {
  std::vector<View> result;
  for (const ValueId id : ids)
    result.push_back(id == kAbsent ? View{} : views_[static_cast<std::size_t>(id)]);
  return result;
}

void Context::bind(const Step& step) {
  Bound bound;
  if (step.driver) {
    bound.inputs = views(step.partition.inputs);
    bound.outputs = views(step.partition.outputs);
    auto& workspace = workspaces_[step.driver];
    if (!workspace) workspace = step.driver->open_workspace();
    bound.program = step.driver->compile(step.partition, *workspace);
    bound.driver = step.driver;
  } else {
    const Node& node = plan_.graph.nodes()[step.partition.nodes.front()];
    bound.inputs = views(node.inputs);
    bound.outputs = views(node.outputs);
    if (node.op->is_view && bound.inputs[0].data == bound.outputs[0].data) return;
    bind_node(node, bound);
  }
  steps_.push_back(std::move(bound));
}

void Context::bind_node(const Node& node, Bound& bound) {
  if (node.op->control) {
    bound.control = &node;
    for (const ValueId id : node.inputs) bound.operands.push_back(id == kAbsent ? Tensor() : tensor(id));
  } else if (node.op->is_view) {
    bound.call = {copy_elements, &node.attributes, bound.inputs, bound.outputs, 0};
  } else {
    bound.call = prepare(node, bound.inputs, bound.outputs);
    scratch_bytes_ = std::max(scratch_bytes_, bound.call.scratch_bytes);
  }
}

Tensor Context::tensor(ValueId id) const {
  const ValueInfo& value = plan_.graph.value(id);
  if (value.constant) return *value.constant;
  return {value.dtype, value.shape, arena_, plan_.places[static_cast<std::size_t>(id)].offset};
}

Tensor Context::take(ValueId id) const {
  const View& from = views_[static_cast<std::size_t>(id)];
  const std::size_t bytes = static_cast<std::size_t>(from.elements()) * size_of(from.dtype);
  return {from.dtype, *from.shape, heap_copy({from.data, bytes}), 0};
}

}  // namespace dormouse::engine
