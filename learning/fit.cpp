#include "learning/fit.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <sstream>

#include "engine/autodiff.h"
#include "engine/interpreter.h"
#include "engine/op.h"
#include "engine/rematerialise.h"
#include "learning/linear_layer.h"

namespace dormouse::learning {
namespace {

using engine::DType;
using engine::Graph;
using engine::Session;
using engine::ValueId;

const Session::Options kUpdating{.timed = true, .feeds_back = true};

bool is_finite(const Tensor& tensor) {
  return tensor.dtype() != DType::f32 ||
         std::ranges::all_of(tensor.values<float>(), [](float value) { return std::isfinite(value); });
}

/// The model with its parameters as inputs, and the loss as first output, before its own.
Graph loss_graph(const Graph& model, std::span<const ValueId> ids, const LossOptions& options) {
  Graph graph = model;
  const Value answers{&graph, model.outputs().at(0)};
  if (!answers.info().shape_known || answers.shape().rank() != 2 || answers.shape()[1] == engine::kDynamic)
    throw Failure(Errc::invalid, "a model is fitted to rows of a known width; its first output '" +
                                     answers.info().name + "' is no [N, K]");
  if (ids.empty()) throw Failure(Errc::invalid, "the model has no parameter that may be trained");
  for (const ValueId id : ids) graph.constant_to_input(id);
  const Shape shape = answers.shape();
  const Value targets{&graph, graph.add_input("targets", DType::f32, shape)};
  const Value weights{&graph, graph.add_input("weights", DType::f32, Shape{shape[0]})};
  Value loss = append_loss(options, answers, targets, weights);
  if (options.distillation > 0) {
    const Value teacher{&graph, graph.add_input("teacher", DType::f32, shape)};
    loss = loss * (1 - options.distillation) +
           append_distillation(answers, teacher, options.temperature) * options.distillation;
  }
  std::vector<ValueId> outputs = model.outputs();
  outputs.insert(outputs.begin(), loss.id);
  graph.set_outputs(std::move(outputs));
  return graph;
}

/// The same, and behind it the update: outputs are the loss, what is carried, the parameters, each kind of
/// state.
Graph update_graph(Graph graph, std::span<const ValueId> ids, const OptimiserOptions& options) {
  const ValueId loss = graph.outputs()[0];
  const std::vector<ValueId> slopes = engine::differentiate(graph, loss, ids);
  const auto input = [&](const std::string& name, const Shape& shape) {
    return Value{&graph, graph.add_input(name, DType::f32, shape)};
  };
  Updated before;
  std::vector<Value> gradients;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    before.parameters.push_back({&graph, ids[i]});
    gradients.push_back({&graph, slopes[i]});
  }
  for (const std::string_view state : state_names(options)) {
    std::vector<Value>& values = before.states.emplace_back();
    for (const ValueId id : ids)
      values.push_back(input(std::string(state) + "." + graph.value(id).name, graph.value(id).shape));
  }
  const Value rate = input("rate", {}), step = input("step", {});
  const Updated after = append_update(options, before, gradients, rate, step);
  std::vector<ValueId> outputs = graph.outputs();
  outputs.erase(outputs.begin() + 1);  // the answers
  for (const Value& value : after.parameters) outputs.push_back(value.id);
  for (const auto& kind : after.states)
    for (const Value& value : kind) outputs.push_back(value.id);
  graph.set_outputs(std::move(outputs));
  return graph;
}

std::string mebibytes(std::size_t bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << static_cast<double>(bytes) / (1 << 20) << " MiB";
  return text.str();
}

std::vector<Tensor> beginning(const Graph& model, std::span<const ValueId> ids,
                              std::span<const std::string_view> states) {
  std::vector<Tensor> values;
  for (const ValueId id : ids) values.push_back(model.value(id).constant->clone());
  for (const std::string_view state : states)
    for (const ValueId id : ids)
      values.push_back(state == "average" ? model.value(id).constant->clone()
                                          : Tensor(DType::f32, model.value(id).shape));
  return values;
}

}  // namespace

Fit::Fit(const Graph& model, Options options)
    : model_(model),
      options_(options),
      ids_(parameters_of(model)),
      states_(state_names(options.optimiser)),
      values_(beginning(model, ids_, states_)),
      update_(update_graph(loss_graph(model, ids_, options.loss), ids_, options.optimiser)),
      forward_(loss_graph(model, ids_, options.loss).nodes().size()),
      evaluation_(loss_graph(model, ids_, options.loss), options.drivers) {
  if (options_.memory == 0) session_ = std::make_unique<Session>(update_, options_.drivers, kUpdating);
}

std::vector<Tensor> Fit::inputs_of(const Batch& batch, std::span<const Tensor> parameters) const {
  std::vector<Tensor> inputs{batch.inputs};
  inputs.insert(inputs.end(), batch.more.begin(), batch.more.end());
  inputs.insert(inputs.end(), parameters.begin(), parameters.end());
  inputs.push_back(batch.targets);
  inputs.push_back(batch.weights);
  if (options_.loss.distillation > 0) inputs.push_back(batch.teacher);
  return inputs;
}

std::vector<Tensor> Fit::update_inputs(const Batch& batch, float rate) const {
  std::vector<Tensor> inputs = inputs_of(batch, std::span(values_).first(ids_.size()));
  inputs.insert(inputs.end(), values_.begin() + std::ssize(ids_), values_.end());
  inputs.push_back(Tensor::scalar(rate));
  inputs.push_back(Tensor::scalar(static_cast<float>(updates_ + 1)));
  return inputs;
}

const engine::SendsAhead* Fit::sender(const Batch& batch) const {
  if (!session_) return nullptr;
  const auto placed = session_->placement(update_inputs(batch, 0));
  if (placed.size() != 1) return nullptr;
  const auto driver = std::ranges::find(options_.drivers, placed[0].first, &engine::Driver::name);
  return driver == options_.drivers.end() ? nullptr : dynamic_cast<const engine::SendsAhead*>(*driver);
}

Batch sent(const engine::SendsAhead& sender, Batch batch) {
  for (Tensor* const tensor : {&batch.inputs, &batch.targets, &batch.weights, &batch.teacher})
    *tensor = sender.sent(*tensor);
  for (Tensor& tensor : batch.more) tensor = sender.sent(tensor);
  return batch;
}

float Fit::update(const Batch& batch, float rate) {
  std::vector<Tensor> outputs = session_for(batch).run(update_inputs(batch, rate));
  const float loss = outputs[0].values<float>()[0];
  if (!std::isfinite(loss)) report_divergence(batch);
  const auto parameters = outputs.begin() + std::ssize(model_.outputs());
  carried_.assign(outputs.begin() + 1, parameters);
  values_.assign(std::make_move_iterator(parameters), std::make_move_iterator(outputs.end()));
  ++updates_;
  return loss;
}

const Session& Fit::session_for(const Batch& batch) {
  if (options_.memory == 0 || (session_ && made_for_ == batch.inputs.shape())) return *session_;
  earlier_ = seconds();
  session_.reset();
  session_ = std::make_unique<Session>(within_memory(batch), options_.drivers, kUpdating);
  made_for_ = batch.inputs.shape();
  return *session_;
}

Graph Fit::within_memory(const Batch& batch) const {
  Graph graph = update_;
  const std::vector<Tensor> inputs = inputs_of(batch, std::span(values_).first(ids_.size()));
  for (std::size_t i = 0; i < inputs.size(); ++i) graph.set_input_shape(graph.inputs()[i], inputs[i].shape());
  graph.reinfer();
  std::size_t given = 0;
  for (const Tensor& tensor : {batch.inputs, batch.targets, batch.weights, batch.teacher})
    given += tensor.byte_size();
  for (const auto* all : {&batch.more, &values_})
    for (const Tensor& tensor : *all) given += tensor.byte_size();
  const std::size_t left = options_.memory - std::min(options_.memory, given);
  engine::Rematerialised result = engine::rematerialise(graph, forward_, left, options_.drivers);
  if (result.bytes <= left) return std::move(result.graph);
  const std::size_t all = engine::rematerialise(graph, forward_, SIZE_MAX, options_.drivers).bytes;
  throw Failure(Errc::too_large, "an update by " + std::to_string(batch.inputs.shape()[0]) + " rows takes " +
                                     mebibytes(given + all) + ", and " + mebibytes(given + result.bytes) +
                                     " if it keeps as little as it can; that is more than the memory of " +
                                     mebibytes(options_.memory) + ": allow more, or take smaller batches");
}

std::map<std::string, double> Fit::seconds() const {
  std::map<std::string, double> sum = earlier_;
  if (session_)
    for (const auto& [driver, spent] : session_->seconds()) sum[driver] += spent;
  return sum;
}

void Fit::report_divergence(const Batch& batch) const {
  const std::string where = "update " + std::to_string(updates_ + 1) + ": the loss is not finite; ";
  const auto fail = [&](const std::string& what) {
    throw Failure(Errc::internal, where + "the first tensor that is not: " + what);
  };
  if (!is_finite(batch.inputs)) fail("the input '" + model_.value(model_.inputs()[0]).name + "'");
  if (!is_finite(batch.targets)) fail("the targets");
  if (!is_finite(batch.weights)) fail("the weights");
  if (!is_finite(batch.teacher)) fail("the teacher's answers");
  for (std::size_t i = 0; i < ids_.size(); ++i)
    if (!is_finite(values_[i]))
      fail("the parameter '" + model_.value(ids_[i]).name + "', since the update before; lower the rate");
  Graph graph = loss_graph(model_, ids_, options_.loss);
  std::vector<ValueId> all;
  std::vector<std::string> names;
  for (const engine::Node& node : graph.nodes())
    for (const ValueId id : node.outputs) {
      all.push_back(id);
      names.push_back("'" + graph.value(id).name + "', of " + std::string(node.op->name) +
                      (node.name.empty() ? "" : " (node " + node.name + ")"));
    }
  graph.set_outputs(all);
  const auto made = engine::interpret(graph, inputs_of(batch, std::span(values_).first(ids_.size())));
  for (std::size_t i = 0; i < made.size(); ++i)
    if (!is_finite(made[i])) fail(names[i]);
  throw Failure(Errc::internal, where + "every tensor of the portable kernels is");
}

Fit::Score Fit::evaluate(const Batch& batch) const {
  const bool averages = !states_.empty() && states_.back() == "average";
  const std::size_t first = averages ? values_.size() - ids_.size() : 0;
  const auto outputs = evaluation_.run(inputs_of(batch, std::span(values_).subspan(first, ids_.size())));
  return {outputs[0].values<float>()[0], outputs[1]};
}

Parameters Fit::named(std::size_t kind) const {
  Parameters all;
  for (std::size_t i = 0; i < ids_.size(); ++i)
    all.insert_or_assign(model_.value(ids_[i]).name, values_[kind * ids_.size() + i].clone());
  return all;
}

Parameters Fit::averaged() const {
  const bool averages = !states_.empty() && states_.back() == "average";
  return named(averages ? states_.size() : 0);
}

Parameters Fit::state() const {
  Parameters all;
  for (std::size_t kind = 0; kind < kinds(); ++kind) {
    const std::string prefix = kind == 0 ? "parameter." : std::string(states_[kind - 1]) + ".";
    for (auto& [name, tensor] : named(kind)) all.insert_or_assign(prefix + name, tensor);
  }
  return all;
}

void Fit::restore(const Parameters& state, std::int64_t updates) {
  const Parameters mine = this->state();
  std::vector<Tensor> values;
  for (std::size_t kind = 0; kind < kinds(); ++kind) {
    const std::string prefix = kind == 0 ? "parameter." : std::string(states_[kind - 1]) + ".";
    for (const ValueId id : ids_) {
      const std::string name = prefix + model_.value(id).name;
      const auto found = state.find(name);
      if (found == state.end() || found->second.dtype() != DType::f32 ||
          found->second.shape() != mine.at(name).shape())
        throw Failure(Errc::corrupt, "it holds no '" + name + "' of this model");
      values.push_back(found->second.clone());
    }
  }
  values_ = std::move(values);
  updates_ = updates;
}

}  // namespace dormouse::learning
