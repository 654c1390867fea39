#include "learning/stream_runner.h"

#include <algorithm>
#include <array>

#include "engine/op.h"
#include "learning/digest.h"

namespace dormouse::learning {
namespace {

using engine::Shape;
using engine::Tensor;

[[noreturn]] void misfit(const std::string& what) {
  throw Failure(Errc::configuration,
                what +
                    "; a model for a stream takes one sample and its states, as 'dormouse export --stream' "
                    "writes it");
}

/// With a batch of one. Throws unless all else is fixed.
Shape fixed(const engine::ValueInfo& value, const std::string& what) {
  Shape shape = value.shape;
  const bool known = value.dtype == engine::DType::f32 && value.shape_known;
  if (known && shape.rank() > 0 && shape[0] == engine::kDynamic) shape[0] = 1;
  if (!known || !shape.is_static() || shape.elements() == 0)
    misfit(what + " '" + value.name + "' is " + std::string(word(value.dtype)) + " " +
           (value.shape_known ? to_string(value.shape) : "of any shape") +
           ", where f32 of fixed extents is needed");
  return shape;
}

std::string digest_of(const engine::Graph& graph) {
  Digest digest;
  for (const engine::Node& node : graph.nodes()) digest.add(std::string(node.op->name));
  for (std::size_t i = 0; i < graph.value_count(); ++i)
    if (const auto& constant = graph.value(static_cast<engine::ValueId>(i)).constant) digest.add(*constant);
  return digest.text();
}

}  // namespace

StreamRunner::StreamRunner(const engine::Graph& given, std::span<const engine::Driver* const> drivers)
    : digest_(digest_of(given)) {
  engine::Graph graph = given;
  if (graph.inputs().empty()) misfit("it has no inputs");
  input_ = fixed(graph.value(graph.inputs()[0]), "the sample");
  channels_ = input_.elements();
  std::vector<engine::ValueId> rest = graph.outputs(), next;
  for (std::size_t i = 1; i < graph.inputs().size(); ++i) {
    const engine::ValueInfo& state = graph.value(graph.inputs()[i]);
    names_.push_back(state.name);
    shapes_.push_back(fixed(state, "the state"));
    const auto after = std::ranges::find(rest, state.name + ".next",
                                         [&](engine::ValueId id) { return graph.value(id).name; });
    if (after == rest.end())
      misfit("input '" + state.name + "' is no state: no output is called '" + state.name + ".next'");
    next.push_back(*after);
    rest.erase(after);
  }
  if (names_.empty()) misfit("it remembers nothing: it has no states");
  if (rest.empty()) misfit("it answers nothing: all of its outputs are states");
  next.insert(next.begin(), rest[0]);
  graph.set_outputs(std::move(next));
  session_ = std::make_unique<engine::Session>(std::move(graph), drivers);
  try_out();
}

/// What inference of shapes may leave open, a first step shows; it also makes the plan.
void StreamRunner::try_out() {
  std::vector<Tensor> inputs = start();
  inputs.emplace(inputs.begin(), engine::DType::f32, input_);
  const std::vector<Tensor> outputs = session_->run(inputs);
  const auto name = [&](std::size_t i) {
    return session_->graph().value(session_->graph().outputs()[i]).name;
  };
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string given = std::string(word(outputs[i].dtype())) + " " + to_string(outputs[i].shape());
    if (outputs[i].dtype() != engine::DType::f32) misfit("its output '" + name(i) + "' is " + given);
    if (i > 0 && outputs[i].shape() != shapes_[i - 1])
      misfit("the state '" + names_[i - 1] + "' is " + to_string(shapes_[i - 1]) + " before a sample and " +
             given + " after it");
  }
  answers_ = static_cast<std::size_t>(outputs[0].elements());
  if (answers_ == 0) misfit("its answer '" + name(0) + "' is empty");
}

StreamRunner::State StreamRunner::start() const {
  State state;
  for (const Shape& shape : shapes_) state.emplace_back(engine::DType::f32, shape);
  return state;
}

std::size_t StreamRunner::state_bytes() const {
  std::size_t bytes = 0;
  for (const Tensor& tensor : start()) bytes += tensor.byte_size();
  return bytes;
}

std::vector<float> StreamRunner::step(State& state, std::span<const float> sample) const {
  ensure(sample.size() == static_cast<std::size_t>(channels_), "a value for each channel");
  std::vector<Tensor> inputs{Tensor::from<float>(input_, sample)};
  inputs.insert(inputs.end(), state.begin(), state.end());
  std::vector<Tensor> outputs = session_->run(inputs);
  const auto finite = [](const Tensor& tensor) { return engine::all_finite(tensor.values<float>()); };
  if (!std::ranges::all_of(outputs, finite))
    throw Failure(Errc::invalid, "the model's answer to it, or its state, would be infinite or NaN");
  const auto answer = outputs[0].values<float>();
  std::vector<float> values(answer.begin(), answer.end());
  state.assign(std::make_move_iterator(outputs.begin() + 1), std::make_move_iterator(outputs.end()));
  return values;
}

bool StreamRunner::fits(const State& state) const {
  const auto same = [](const Tensor& tensor, const Shape& shape) {
    return tensor.dtype() == engine::DType::f32 && tensor.shape() == shape &&
           engine::all_finite(tensor.values<float>());
  };
  return std::ranges::equal(state, shapes_, same);
}

}  // namespace dormouse::learning
