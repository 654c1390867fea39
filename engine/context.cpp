#include "engine/context.h"

#include <algorithm>
#include <cstring>

#include "engine/heap_buffer.h"
#include "engine/interpreter.h"
#include "engine/op.h"

namespace dormouse::engine {
namespace {

// Where an input lies until it is given, and if it has no elements.
alignas(64) constexpr std::byte kNothing[kReadSlack]{};
std::byte* nothing() { return const_cast<std::byte*>(kNothing); }

void copy_bytes(std::byte* to, const std::byte* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

void copy_elements(const KernelContext& context) noexcept {
  const View& out = context.outputs[0];
  copy_bytes(out.data, context.inputs[0].data, static_cast<std::size_t>(out.elements()) * size_of(out.dtype));
}

bool is_aligned(const Tensor& tensor) {
  return reinterpret_cast<std::uintptr_t>(tensor.address()) % size_of(tensor.dtype()) == 0;
}

bool readable_in_place(const Tensor& tensor) {
  const Buffer& buffer = *tensor.buffer();
  const auto end = static_cast<std::size_t>(tensor.data() - buffer.data()) + tensor.byte_size();
  return is_aligned(tensor) && buffer.readable() - end >= kReadSlack;
}

/// What a driver does, its failure told from others.
template <class Work>
auto driven(const Driver& driver, Work work) {
  try {
    return work();
  } catch (const Failure& failure) {
    if (failure.error().code != Errc::unavailable && failure.error().code != Errc::too_large) throw;
    throw DriverFailure(failure.error(), driver);
  }
}

std::vector<std::size_t> output_sizes(const Graph& graph) {
  std::vector<std::size_t> sizes;
  for (const ValueId id : graph.outputs())
    sizes.push_back(static_cast<std::size_t>(graph.value(id).shape.elements()) *
                    size_of(graph.value(id).dtype));
  return sizes;
}

}  // namespace

Context::Context(const Plan& plan, Options options)
    : plan_(plan),
      measure_(options.measure),
      arena_(lasting_buffer(plan.arena_bytes)),
      inputs_(plan.graph.inputs().size()),
      outputs_(plan.graph.outputs().size()),
      buffers_(output_sizes(plan.graph)) {
  std::vector<ValueId> ids;
  for (std::size_t i = 0; i < plan.places.size(); ++i) {
    ids.push_back(static_cast<ValueId>(i));
    views_.push_back(plan.places[i].kind == Place::Kind::constant ? View{} : view(ids.back()));
  }
  listen(ids, views_);
  for (const Step& step : plan.steps) bind(step);
  scratch_ = Buffer::allocate(scratch_bytes_);
  if (options.feeds_back) whole_ = whole();
}

WholeProgram* Context::whole() const {
  if (steps_.size() != 1 || !steps_[0].program) return nullptr;
  const Partition& partition = steps_[0].step->partition;
  const std::vector<ValueId>& outputs = plan_.graph.outputs();
  bool all = partition.outputs.size() == outputs.size();
  for (std::size_t i = 0; all && i < outputs.size(); ++i)
    all = is_made_as(outputs[i], i) &&
          std::ranges::find(partition.outputs, outputs[i]) != partition.outputs.end();
  for (const ValueId id : partition.inputs) all = all && place(id).kind == Place::Kind::input;
  return all ? dynamic_cast<WholeProgram*>(steps_[0].program.get()) : nullptr;
}

std::vector<Tensor> Context::run_whole(std::span<const Tensor> inputs) {
  const Step& step = *steps_[0].step;
  std::vector<const Tensor*> given;
  for (const ValueId id : step.partition.inputs) given.push_back(&inputs[place(id).index]);
  std::vector<Tensor> made = driven(*step.driver, [&] { return whole_->run_whole(given); });
  std::vector<Tensor> outputs(outputs_.size());
  for (std::size_t i = 0; i < made.size(); ++i)
    outputs[place(step.partition.outputs[i]).index] = std::move(made[i]);
  return outputs;
}

std::vector<Tensor> Context::run(std::span<const Tensor> inputs, const Around& around) {
  const bool whole = whole_ && std::ranges::all_of(inputs, is_aligned);
  if (!whole) {
    for (std::size_t i = 0; i < inputs.size(); ++i) give(inputs_[i], inputs[i]);
    make_room();
  }
  const bool observed = static_cast<bool>(around.observe);
  std::vector<Tensor> outputs;
  StepRun::Clock::time_point begin;
  if (observed) begin = StepRun::Clock::now();
  for (const Bound& step : steps_) {
    throw_if_stopped(around.stop);
    if (whole)
      outputs = run_whole(inputs);
    else
      run(step, inputs, around.run);
    if (!observed) continue;
    const StepRun::Clock::time_point end = StepRun::Clock::now();
    around.observe({plan_.graph, step.step, step.program.get(), begin, end, 0});
    begin = StepRun::Clock::now();
  }
  return whole ? outputs : hand_out();
}

void Context::Moving::move(std::byte* to) {
  if (to == address) return;
  address = to;
  for (View* const user : users) user->data = to;
}

void Context::give(Input& input, const Tensor& tensor) {
  std::byte* address = view_of(tensor).data;
  if (tensor.elements() == 0) {
    address = nothing();
  } else if (!readable_in_place(tensor)) {
    if (!input.copy) input.copy = Buffer::allocate(tensor.byte_size());
    address = input.copy->writable_data();
    copy_bytes(address, tensor.data(), tensor.byte_size());
    ++copied_;
  }
  input.move(address);
}

bool Context::is_made_as(ValueId id, std::size_t output) const {
  return place(id).kind == Place::Kind::output && place(id).index == output;
}

void Context::make_room() {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (!is_made_as(plan_.graph.outputs()[i], i)) continue;
    outputs_[i].buffer = buffers_.take(i);
    outputs_[i].move(outputs_[i].buffer->writable_data());
  }
}

std::vector<Tensor> Context::hand_out() {
  std::vector<Tensor> tensors;
  tensors.reserve(outputs_.size());
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const ValueId id = plan_.graph.outputs()[i];
    const View view = now(id);
    const std::size_t bytes = static_cast<std::size_t>(view.elements()) * size_of(view.dtype);
    tensors.emplace_back(view.dtype, *view.shape,
                         is_made_as(id, i) ? outputs_[i].buffer : heap_copy({view.data, bytes}), 0);
  }
  for (Output& output : outputs_) output.buffer.reset();
  return tensors;
}

void Context::run(const Bound& step, std::span<const Tensor> inputs, const RunSubgraph& run) {
  if (step.program)
    driven(*step.step->driver, [&] { step.program->run(step.inputs, step.outputs); });
  else if (step.control)
    run_control(step, inputs, run);
  else
    step.call.run({scratch_->writable_data(), step.call.scratch_bytes});
}

void Context::run_control(const Bound& step, std::span<const Tensor> given, const RunSubgraph& run) const {
  const Node& node = *step.control;
  std::vector<Tensor> operands;
  std::vector<const Tensor*> inputs;
  operands.reserve(node.inputs.size());
  for (const ValueId id : node.inputs)
    inputs.push_back(id == kAbsent ? nullptr : &operands.emplace_back(tensor(id, given)));
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
  switch (place(id).kind) {
    case Place::Kind::constant:
      return view_of(*value.constant);
    case Place::Kind::input:
    case Place::Kind::output:
      return {value.dtype, &value.shape, nothing()};
    case Place::Kind::arena:
      return {value.dtype, &value.shape, arena_->writable_data() + place(id).offset};
    case Place::Kind::nowhere:
      break;
  }
  return {};
}

View Context::now(ValueId id) const {
  return place(id).kind == Place::Kind::constant ? view(id) : views_[static_cast<std::size_t>(id)];
}

std::vector<View> Context::views(std::span<const ValueId> ids) const {
  std::vector<View> result;
  for (const ValueId id : ids) result.push_back(id == kAbsent ? View{} : now(id));
  return result;
}

void Context::listen(std::span<const ValueId> ids, std::span<View> views) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] == kAbsent) continue;
    const auto [kind, offset, index] = place(ids[i]);
    if (kind == Place::Kind::input) inputs_[index].users.push_back(&views[i]);
    if (kind == Place::Kind::output) outputs_[index].users.push_back(&views[i]);
  }
}

void Context::bind(const Step& step) {
  Bound bound;
  bound.step = &step;
  if (step.driver) {
    bound.inputs = views(step.partition.inputs);
    bound.outputs = views(step.partition.outputs);
    auto& workspace = workspaces_[step.driver];
    bound.program = driven(*step.driver, [&] {
      if (!workspace) workspace = step.driver->open_workspace();
      return step.driver->compile(step.partition, *workspace, measure_);
    });
    listen(step.partition.inputs, bound.inputs);
    listen(step.partition.outputs, bound.outputs);
  } else {
    const Node& node = plan_.graph.nodes()[step.partition.nodes.front()];
    if (node.op->is_view && place(node.inputs[0]) == place(node.outputs[0])) return;
    bound.inputs = views(node.inputs);
    bound.outputs = views(node.outputs);
    listen(node.inputs, bound.inputs);
    listen(node.outputs, bound.outputs);
    bind_node(node, bound);
  }
  steps_.push_back(std::move(bound));  // vectors keep their elements where they are
}

void Context::bind_node(const Node& node, Bound& bound) {
  if (node.op->control) {
    bound.control = &node;
  } else if (node.op->is_view) {
    bound.call = {copy_elements, node.op, &node.attributes, bound.inputs, bound.outputs, 0};
  } else {
    bound.call = prepare(node, bound.inputs, bound.outputs, plan_.parallel);
    scratch_bytes_ = std::max(scratch_bytes_, bound.call.scratch_bytes);
  }
}

Tensor Context::tensor(ValueId id, std::span<const Tensor> inputs) const {
  const ValueInfo& value = plan_.graph.value(id);
  if (value.constant) return *value.constant;
  if (place(id).kind == Place::Kind::input) return inputs[place(id).index].reshaped(value.shape);
  if (place(id).kind == Place::Kind::output)
    return {value.dtype, value.shape, outputs_[place(id).index].buffer, 0};
  return {value.dtype, value.shape, arena_, place(id).offset};
}

}  // namespace dormouse::engine
