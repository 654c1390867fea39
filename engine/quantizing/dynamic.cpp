#include "engine/op.h"
#include "engine/quantizing/choice.h"
#include "engine/quantizing/quantizing.h"
#include "engine/quantizing/weights.h"

namespace dormouse::engine {
namespace {

/// [rows, columns] with its axes exchanged.
Tensor transposed(const Tensor& matrix) {
  const std::int64_t rows = matrix.shape()[0], columns = matrix.shape()[1];
  Tensor result(DType::f32, {columns, rows});
  const auto from = matrix.values<float>();
  const auto to = result.mutable_values<float>();
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j)
      to[static_cast<std::size_t>(j * rows + i)] = from[static_cast<std::size_t>(i * columns + j)];
  return result;
}

class Quantizer {
 public:
  explicit Quantizer(const Graph& graph) : graph_(graph) {}

  Graph run() {
    const std::vector<Node> nodes = graph_.nodes();  // a copy: new ones are appended to the originals
    for (const Node& node : nodes) {
      const auto weights = weighted(graph_, node);
      if (weights && node.op->name != "Conv")
        multiply(node, *weights);
      else
        kept_.push_back(node);
    }
    if (numbers_.empty())
      throw Failure(Errc::invalid, "the model has no Gemm or MatMul of f32 with a constant matrix");
    graph_.set_nodes(std::move(kept_));
    return std::move(graph_);
  }

 private:
  struct Numbers {
    ValueId value, scale, zero;
  };

  std::vector<ValueId> add(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {},
                           std::size_t outputs = 1) {
    auto made = graph_.add_node(*find_op("", op), std::move(inputs), std::move(attributes),
                                std::vector<std::string>(outputs));
    kept_.push_back(graph_.nodes().back());
    return made;
  }

  /// `real` as u8, once for all that multiply it.
  const Numbers& quantized(ValueId real) {
    const auto [entry, fresh] = numbers_.try_emplace(real);
    if (fresh) {
      const auto made = add("DynamicQuantizeLinear", {real}, {}, 3);
      entry->second = {made[0], made[1], made[2]};
    }
    return entry->second;
  }

  void multiply(const Node& node, const WeightedNode& weights) {
    const ValueInfo& matrix = graph_.value(node.inputs[1]);
    const std::string name = matrix.name;
    const QuantizedWeights b =
        quantize_weights(weights.axis == 0 ? transposed(*matrix.constant) : *matrix.constant, 1);
    const Numbers a = quantized(node.inputs[0]);
    const ValueId sums = add("MatMulInteger", {a.value, graph_.add_constant(name, b.numbers), a.zero})[0];
    const ValueId scale = add("Mul", {a.scale, graph_.add_constant("", b.scales)})[0];
    const ValueId real = add("Cast", {sums}, {{"to", std::int64_t{1}}})[0];
    const bool biased = weights.bias != kAbsent;
    const ValueId product = add("Mul", {real, scale})[0];
    if (biased) add("Add", {product, weights.bias});
    kept_.back().outputs = node.outputs;
    kept_.back().name = node.name;
  }

  Graph graph_;
  std::unordered_map<ValueId, Numbers> numbers_;
  std::vector<Node> kept_;
};

}  // namespace

Graph quantize_dynamically(const Graph& graph) { return Quantizer(graph).run(); }

}  // namespace dormouse::engine
