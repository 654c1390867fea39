#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/passes/pass.h"
#include "engine/quantizing/qdq_form.h"
#include "engine/session.h"

namespace dormouse::engine {
namespace {

constexpr std::size_t kCompared = 8;  ///< runs that say how far off the outputs are

/// What simplifies a graph and leaves standard operators.
Graph simplified(Graph graph) {
  for (const Pass* const pass : all_passes())
    for (const std::string_view name : {"constant folding", "no-ops", "common subexpressions", "dead code",
                                        "batch norm and affine folding"})
      if (pass->name == name) pass->run(graph);
  return graph;
}

bool nothing(const Node&) { return false; }

/// Finds what to quantise by trying it.
class Trial {
 public:
  Trial(const Graph& graph, std::span<const Batch> data, std::span<const Driver* const> drivers,
        DType activations)
      : graph_(graph), drivers_(drivers), activations_(activations) {
    const QuantizationChoice all = choose_quantization(graph, nothing);
    if (all.weighted.empty())
      throw Failure(Errc::invalid, "the model has no Conv, Gemm or MatMul of f32 with constant weights");
    ranges_ = measure_ranges(graph, all.values, data, drivers);
    for (const Node& node : graph.nodes())
      if (all.weighted.contains(node.outputs[0])) weighted_.push_back(node.outputs[0]);
    const Session session(graph, drivers, {.plans = 2});
    for (std::size_t i = 0; i < std::min(kCompared, data.size()); ++i) {
      inputs_.push_back(data[i * data.size() / std::min(kCompared, data.size())]);
      expected_.push_back(session.run(inputs_.back()));
    }
  }

  Graph without(const std::unordered_set<ValueId>& excluded) const {
    const auto stays = [&](const Node& node) { return excluded.contains(node.outputs[0]); };
    return qdq_form(graph_, choose_quantization(graph_, stays), ranges_, activations_);
  }

  /// The largest error of an output, relative to its norm.
  double error(const Graph& quantized) const {
    const Session session(quantized, drivers_, {.plans = 2});
    std::vector<double> wrong(graph_.outputs().size()), norm(wrong);
    for (std::size_t run = 0; run < inputs_.size(); ++run) {
      const std::vector<Tensor> is = session.run(inputs_[run]);
      for (std::size_t i = 0; i < is.size(); ++i) add(is[i], expected_[run][i], wrong[i], norm[i]);
    }
    double most = 0;
    for (std::size_t i = 0; i < wrong.size(); ++i)
      if (norm[i] > 0) most = std::max(most, std::sqrt(wrong[i] / norm[i]));
    return most;
  }

  /// The weighted nodes, by their outputs, that alone cost most first.
  std::vector<ValueId> costliest() const {
    std::vector<std::pair<double, ValueId>> costs;
    for (const ValueId one : weighted_) {
      std::unordered_set<ValueId> others(weighted_.begin(), weighted_.end());
      others.erase(one);
      costs.emplace_back(error(without(others)), one);
    }
    std::ranges::stable_sort(costs, std::greater{}, &std::pair<double, ValueId>::first);
    std::vector<ValueId> result;
    for (const auto& [cost, id] : costs) result.push_back(id);
    return result;
  }

 private:
  static void add(const Tensor& is, const Tensor& should, double& wrong, double& norm) {
    if (is.dtype() != DType::f32 || is.shape() != should.shape()) return;
    for (std::size_t i = 0; i < is.values<float>().size(); ++i) {
      const double expected = should.values<float>()[i], off = is.values<float>()[i] - expected;
      wrong += std::isfinite(off) ? off * off : std::numeric_limits<double>::infinity();
      norm += expected * expected;
    }
  }

  const Graph& graph_;
  std::span<const Driver* const> drivers_;
  DType activations_;
  std::unordered_map<ValueId, Range> ranges_;
  std::vector<ValueId> weighted_;
  std::vector<Batch> inputs_;
  std::vector<std::vector<Tensor>> expected_;
};

}  // namespace

Graph quantize_statically(const Graph& graph, std::span<const Batch> data,
                          std::span<const Driver* const> drivers, const StaticQuantization& options) {
  ensure(options.activations == DType::u8 || options.activations == DType::i8,
         "activations are quantised to 8 bits");
  if (data.empty()) throw Failure(Errc::invalid, "there is no data to find the ranges of values with");
  const Graph plain = simplified(graph);
  const Trial trial(plain, data, drivers, options.activations);
  Graph quantized = trial.without({});
  if (trial.error(quantized) <= options.tolerance) return quantized;
  std::unordered_set<ValueId> excluded;
  for (const ValueId id : trial.costliest()) {
    excluded.insert(id);
    quantized = trial.without(excluded);
    if (trial.error(quantized) <= options.tolerance) return quantized;
  }
  throw Failure(Errc::invalid, "no part of the model can be quantised within the tolerance");
}

}  // namespace dormouse::engine
