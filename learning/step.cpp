#include "learning/step.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "engine/autodiff.h"
#include "engine/op.h"
#include "engine/value.h"
#include "learning/linear_layer.h"

namespace dormouse::learning {
namespace {

using engine::Graph;
using engine::Value;
using engine::ValueId;

const engine::Op& our_op(std::string_view name) {
  const engine::Op* op = engine::find_op("dormouse", name);
  ensure(op != nullptr, "the update operators are registered");
  return *op;
}

/// The step as a graph, made a term at a time. Its inputs come in the order in which the methods add them.
class StepGraph {
 public:
  StepGraph(const Graph& part, std::span<const ValueId> parameters, const Trainer::Options& options)
      : part_(part), parameters_(parameters), options_(options), graph_(part) {
    logits_ = Value{&graph_, part.outputs().at(0)};
    for (const ValueId id : parameters) graph_.constant_to_input(id);
    const Value loss = add_loss();
    rate_ = input("rate", Shape{});
    outputs_ = {loss.id, logits_.id};
    gradients_ = engine::differentiate(graph_, loss.id, parameters);
    if (options_.gradient) add_gradients();
  }

  Graph finish(const Ewc* ewc) && {
    std::vector<ValueId> moved = options_.momentum > 0 ? move_with_momentum() : move();
    std::vector<ValueId> paths;
    if (options_.path) paths = follow(moved);
    if (ewc && ewc->lambda > 0) pull(*ewc, moved);
    for (const auto& more : {moved, velocities_, paths})
      outputs_.insert(outputs_.end(), more.begin(), more.end());
    graph_.set_outputs(std::move(outputs_));
    return std::move(graph_);
  }

 private:
  Value input(const std::string& name, Shape shape) {
    return {&graph_, graph_.add_input(name, engine::DType::f32, std::move(shape))};
  }
  Value input_like(ValueId parameter, const char* suffix) {
    const engine::ValueInfo& value = part_.value(parameter);
    return input(value.name + suffix, value.shape);
  }
  Value cross_entropy(Value logits, Value targets, Value weights) {
    return engine::apply("SoftmaxCrossEntropy", {logits, targets, weights}, {}, "dormouse");
  }

  Value add_loss() {
    const Shape answers = logits_.shape(), rows{answers[0]};
    const Value targets = input("targets", answers), weights = input("weights", rows);
    const Value total = input("total", Shape{});  // the weights' sum, by which the operator divides
    const Value seen = options_.masked ? logits_ + input("mask", answers) : logits_;
    Value loss = total * cross_entropy(seen, targets, weights);
    if (options_.logits) {
      const Value wanted = input("logit_targets", answers), logit_weights = input("logit_weights", answers);
      const Value error = logits_ - wanted;
      loss = loss + engine::reduce_sum(logit_weights * (error * error), {0, 1}, false);
    }
    if (options_.distillation > 0) {
      const double t = double{options_.distillation};
      const Value soft = input("soft_targets", answers), soft_weights = input("soft_weights", rows);
      const Value soft_total = input("soft_total", Shape{}), soft_mask = input("soft_mask", answers);
      loss = loss + (soft_total * (t * t)) * cross_entropy(logits_ * (1 / t) + soft_mask, soft, soft_weights);
    }
    return loss;
  }

  void add_gradients() {
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      gradients_[i] = (Value{&graph_, gradients_[i]} + input_like(parameters_[i], ".gradient")).id;
  }

  std::vector<ValueId> move() {
    std::vector<ValueId> moved;
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      moved.push_back((Value{&graph_, parameters_[i]} - Value{&graph_, gradients_[i]} * rate_).id);
    return moved;
  }

  std::vector<ValueId> move_with_momentum() {
    std::vector<ValueId> moved;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const Value velocity = input_like(parameters_[i], ".velocity");
      const auto updated =
          graph_.add_node(our_op("SgdMomentum"), {parameters_[i], gradients_[i], velocity.id, rate_.id},
                          {{"momentum", options_.momentum}}, {"", ""});
      moved.push_back(updated[0]);
      velocities_.push_back(updated[1]);
    }
    return moved;
  }

  std::vector<ValueId> follow(const std::vector<ValueId>& moved) {
    std::vector<ValueId> paths;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const Value before{&graph_, parameters_[i]}, after{&graph_, moved[i]}, slope{&graph_, gradients_[i]};
      paths.push_back((input_like(parameters_[i], ".path") + slope * (before - after)).id);
    }
    return paths;
  }

  void pull(const Ewc& ewc, std::vector<ValueId>& moved) {
    const Value strength = rate_ * (2.0 * double{ewc.lambda});
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const std::string& name = part_.value(parameters_[i]).name;
      const auto anchor = ewc.anchor.find(name), fisher = ewc.fisher.find(name);
      if (anchor == ewc.anchor.end() || fisher == ewc.fisher.end()) continue;
      const ValueId to = graph_.add_constant(name + ".anchor", anchor->second);
      const ValueId firmness = graph_.add_constant(name + ".fisher", fisher->second);
      moved[i] = graph_.add_node(our_op("EwcPull"), {moved[i], to, firmness, strength.id})[0];
    }
  }

  const Graph& part_;
  std::span<const ValueId> parameters_;
  const Trainer::Options& options_;
  Graph graph_;
  Value logits_, rate_;
  std::vector<ValueId> gradients_, velocities_, outputs_;
};

Tensor column(std::span<const float> weights, std::int64_t rows) {
  ensure(std::ssize(weights) == rows, "a weight per row");
  return Tensor::from<float>(Shape{rows}, weights);
}

float sum(std::span<const float> weights) { return std::accumulate(weights.begin(), weights.end(), 0.0f); }

}  // namespace

struct Trainer::State {
  State(const Graph& trained, const Ewc* ewc, const Options& chosen)
      : part(trained),
        options(chosen),
        ids(parameters_of(trained)),
        session(StepGraph(trained, ids, chosen).finish(ewc), chosen.drivers,
                {.timed = true, .feeds_back = true}) {
    ensure(!ids.empty(), "a trainable part has parameters");
    for (const ValueId id : ids) {
      parameters.push_back(part.value(id).constant->clone());
      if (options.momentum > 0) velocities.emplace_back(engine::DType::f32, part.value(id).shape);
      if (options.path) paths.emplace_back(engine::DType::f32, part.value(id).shape);
    }
  }

  /// Not where a device keeps them: they are for longer.
  Parameters named(const std::vector<Tensor>& values) const {
    Parameters all;
    for (std::size_t i = 0; i < values.size(); ++i)
      all.insert_or_assign(part.value(ids[i]).name,
                           values[i].buffer()->writable() ? values[i] : values[i].clone());
    return all;
  }
  void read(std::vector<Tensor>& values, const Parameters& from) const {
    if (from.size() != values.size()) throw Failure(Errc::corrupt, "a trainer's state of another part");
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto found = from.find(part.value(ids[i]).name);
      if (found == from.end() || found->second.dtype() != values[i].dtype() ||
          found->second.shape() != values[i].shape())
        throw Failure(Errc::corrupt, "a trainer's state does not fit '" + part.value(ids[i]).name + "'");
      values[i] = found->second.clone();
    }
  }

  Graph part;
  Options options;
  std::vector<ValueId> ids;
  std::vector<Tensor> parameters, velocities, paths;
  Tensor logits;
  engine::Session session;
};

Trainer::Trainer(const Graph& part, const Ewc* ewc, Options options)
    : state_(std::make_unique<State>(part, ewc, options)) {}
Trainer::~Trainer() = default;
Trainer::Trainer(Trainer&&) noexcept = default;
Trainer& Trainer::operator=(Trainer&&) noexcept = default;

float Trainer::step(const Tensor& latents, const Tensor& targets, std::span<const float> weights,
                    float rate) {
  StepRows rows{latents, targets, {weights.begin(), weights.end()}};
  if (weights.empty()) rows.weights.assign(static_cast<std::size_t>(targets.shape()[0]), 1.0f);
  if (const float total = sum(rows.weights); total > 0)
    for (float& weight : rows.weights) weight /= total;
  return step(rows, rate);
}

float Trainer::step(const StepRows& rows, float rate) {
  State& state = *state_;
  const std::int64_t count = rows.targets.shape()[0];
  std::vector<Tensor> inputs{rows.latents};
  const auto add = [&inputs](const std::vector<Tensor>& more) {
    inputs.insert(inputs.end(), more.begin(), more.end());
  };
  add(state.parameters);
  add({rows.targets, column(rows.weights, count), Tensor::scalar(sum(rows.weights))});
  if (state.options.masked) add({rows.mask});
  if (state.options.logits) add({rows.logit_targets, rows.logit_weights});
  if (state.options.distillation > 0)
    add({rows.soft_targets, column(rows.soft_weights, count), Tensor::scalar(sum(rows.soft_weights)),
         rows.soft_mask});
  add({Tensor::scalar(rate)});
  if (state.options.gradient)
    for (const ValueId id : state.ids) add({rows.gradient.at(state.part.value(id).name)});
  add(state.velocities);
  add(state.paths);
  const std::vector<Tensor> outputs = state.session.run(inputs);

  const float loss = outputs[0].values<float>()[0];
  if (!std::isfinite(loss))
    throw Failure(Errc::internal, "training diverged: the loss is not finite; lower the rate");
  state.logits = outputs[1];
  auto from = outputs.begin() + 2;
  for (std::vector<Tensor>* to : {&state.parameters, &state.velocities, &state.paths})
    for (Tensor& tensor : *to) tensor = *from++;
  return loss;
}

const Tensor& Trainer::logits() const { return state_->logits; }

Parameters Trainer::parameters() const { return state_->named(state_->parameters); }

std::map<std::string, double> Trainer::seconds() const { return state_->session.seconds(); }

Parameters Trainer::path() const { return state_->named(state_->paths); }

Trainer::Progress Trainer::progress() const {
  return {parameters(), state_->named(state_->velocities), path()};
}

void Trainer::restore(const Progress& progress) {
  state_->read(state_->parameters, progress.parameters);
  state_->read(state_->velocities, progress.velocities);
  state_->read(state_->paths, progress.path);
}

engine::Graph Trainer::graph() const { return with_parameters(state_->part, parameters()); }

Tensor one_hot(std::span<const ClassIndex> classes, std::size_t width) {
  Tensor rows(engine::DType::f32, Shape{std::int64_t(classes.size()), std::int64_t(width)});
  const auto values = rows.mutable_values<float>();
  for (std::size_t i = 0; i < classes.size(); ++i) {
    ensure(classes[i] < width, "a known class");
    values[i * width + classes[i]] = 1;
  }
  return rows;
}

Parameters parameters_by_name(const Graph& part) {
  Parameters named;
  for (const ValueId id : parameters_of(part))
    named.insert_or_assign(part.value(id).name, *part.value(id).constant);
  return named;
}

engine::Graph with_parameters(Graph part, const Parameters& parameters) {
  for (const auto& [name, tensor] : parameters) {
    const auto id = part.find(name);
    const bool fits = id && part.value(*id).constant && part.value(*id).dtype == tensor.dtype() &&
                      part.value(*id).shape.rank() == tensor.shape().rank();
    if (!fits) throw Failure(Errc::invalid, "the model has no parameter '" + name + "' of this kind");
    part.set_constant(*id, tensor);
  }
  part.reinfer();
  return part;
}

}  // namespace dormouse::learning
