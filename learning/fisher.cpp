#include "learning/fisher.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/autodiff.h"
#include "engine/session.h"
#include "engine/value.h"
#include "learning/calibration.h"
#include "learning/linear_layer.h"
#include "learning/step.h"

namespace dormouse::learning {
namespace {

/// Inputs latent and targets; outputs logits and the gradient of −log p(target) for each parameter.
engine::Graph gradient_graph(const engine::Graph& part, std::span<const engine::ValueId> parameters) {
  engine::Graph graph = part;
  const engine::Value logits{&graph, part.outputs().at(0)};
  const engine::Value targets{&graph, graph.add_input("targets", engine::DType::f32, logits.shape())};
  const engine::Value loss = engine::apply("SoftmaxCrossEntropy", {logits, targets}, {}, "dormouse");
  std::vector<engine::ValueId> outputs{logits.id};
  for (const engine::ValueId id : engine::differentiate(graph, loss.id, parameters)) outputs.push_back(id);
  graph.set_outputs(std::move(outputs));
  return graph;
}

ClassIndex draw(std::span<const float> probabilities, Random& random) {
  double left = random.uniform();
  for (std::size_t c = 0; c + 1 < probabilities.size(); ++c)
    if ((left -= double{probabilities[c]}) < 0) return static_cast<ClassIndex>(c);
  return static_cast<ClassIndex>(probabilities.size() - 1);
}

/// Rows or columns of `old` inside a tensor of `like`'s shape; nothing when it is not a part of it.
std::optional<Tensor> embedded(const Tensor& old, const Tensor& like) {
  if (old.shape() == like.shape()) return old;
  const std::size_t rank = like.shape().rank();
  if (old.shape().rank() != rank || rank == 0 || rank > 2) return std::nullopt;
  for (std::size_t axis = 0; axis < rank; ++axis)
    if (old.shape()[axis] > like.shape()[axis]) return std::nullopt;
  Tensor out(engine::DType::f32, like.shape());
  const auto from_width = static_cast<std::size_t>(old.shape().back());
  const auto to_width = static_cast<std::size_t>(like.shape().back());
  const auto from = old.values<float>();
  const auto to = out.mutable_values<float>();
  for (std::size_t i = 0; i < from.size(); ++i) to[i / from_width * to_width + i % from_width] = from[i];
  return out;
}

}  // namespace

struct FisherEstimator::State {
  explicit State(const engine::Graph& part)
      : ids(parameters_of(part)),
        classes(static_cast<std::size_t>(part.value(part.outputs().at(0)).shape.back())),
        session(gradient_graph(part, ids), {}) {
    for (const engine::ValueId id : ids) {
      names.push_back(part.value(id).name);
      shapes.push_back(part.value(id).shape);
      sums.emplace_back(static_cast<std::size_t>(part.value(id).constant->elements()));
    }
  }

  /// Adds weight · (gradient of log p(label))²; returns the logits.
  Tensor accumulate(const Tensor& latent, ClassIndex label, double weight) {
    const std::vector<Tensor> inputs{latent, one_hot(std::span(&label, 1), classes)};
    const std::vector<Tensor> outputs = session.run(inputs);
    for (std::size_t p = 0; p < sums.size(); ++p) {
      const auto gradient = outputs[1 + p].values<float>();
      for (std::size_t i = 0; i < gradient.size(); ++i)
        sums[p][i] += weight * double{gradient[i]} * double{gradient[i]};
    }
    return outputs[0];
  }

  std::vector<engine::ValueId> ids;
  std::size_t classes;
  engine::Session session;
  std::vector<std::string> names;
  std::vector<Shape> shapes;
  std::vector<std::vector<double>> sums;
  double samples = 0;
};

FisherEstimator::FisherEstimator(const engine::Graph& part) : state_(std::make_unique<State>(part)) {}
FisherEstimator::~FisherEstimator() = default;
FisherEstimator::FisherEstimator(FisherEstimator&&) noexcept = default;

void FisherEstimator::add(std::span<const float> latent, FisherLabels labels, Random& random) {
  const Tensor row = Tensor::from<float>(Shape{1, std::int64_t(latent.size())}, latent);
  const Tensor p = probabilities(state_->accumulate(row, 0, 0), 1);
  const auto likely = p.values<float>();
  ++state_->samples;
  if (labels == FisherLabels::sampled) {
    state_->accumulate(row, draw(likely, random), 1);
    return;
  }
  for (std::size_t c = 0; c < likely.size(); ++c)
    if (likely[c] > 1e-6f) state_->accumulate(row, static_cast<ClassIndex>(c), double{likely[c]});
}

Parameters FisherEstimator::mean() const {
  Parameters diagonal;
  for (std::size_t p = 0; p < state_->sums.size(); ++p) {
    Tensor tensor(engine::DType::f32, state_->shapes[p]);
    std::ranges::transform(state_->sums[p], tensor.mutable_values<float>().begin(), [&](double sum) {
      return static_cast<float>(sum / std::max(state_->samples, 1.0));
    });
    diagonal.insert_or_assign(state_->names[p], std::move(tensor));
  }
  return diagonal;
}

Parameters FisherEstimator::sums() const {
  Parameters named;
  for (std::size_t p = 0; p < state_->sums.size(); ++p)
    named.insert_or_assign(
        state_->names[p], Tensor::from<double>(state_->shapes[p], std::span(std::as_const(state_->sums[p]))));
  return named;
}

void FisherEstimator::restore(const Parameters& sums, std::size_t samples) {
  for (std::size_t p = 0; p < state_->sums.size(); ++p) {
    const auto found = sums.find(state_->names[p]);
    if (found == sums.end() || found->second.dtype() != engine::DType::f64 ||
        found->second.shape() != state_->shapes[p])
      throw Failure(Errc::corrupt, "a Fisher estimate does not fit '" + state_->names[p] + "'");
    const auto values = found->second.values<double>();
    state_->sums[p].assign(values.begin(), values.end());
  }
  state_->samples = static_cast<double>(samples);
}

Parameters accumulate_fisher(const Parameters& old, const Parameters& fresh, float decay) {
  Parameters sum;
  for (const auto& [name, now] : fresh) {
    Tensor total = now.clone();
    const auto before = old.find(name);
    if (const auto same = before == old.end() ? std::nullopt : embedded(before->second, now)) {
      const auto values = total.mutable_values<float>();
      for (std::size_t i = 0; i < values.size(); ++i) values[i] += decay * same->values<float>()[i];
    }
    sum.insert_or_assign(name, std::move(total));
  }
  return sum;
}

Parameters path_importance(const Parameters& old, const Parameters& path, const Parameters& from,
                           const Parameters& to, float damping) {
  Parameters sum;
  for (const auto& [name, contribution] : path) {
    Tensor total = contribution.clone();
    const auto values = total.mutable_values<float>();
    const auto a = from.at(name).values<float>(), b = to.at(name).values<float>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float moved = b[i] - a[i];
      values[i] = std::max(values[i] / (moved * moved + damping), 0.0f);
    }
    sum.insert_or_assign(name, std::move(total));
  }
  return accumulate_fisher(old, sum, 1);
}

}  // namespace dormouse::learning
