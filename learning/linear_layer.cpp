#include "learning/linear_layer.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "engine/op.h"
#include "learning/calibration.h"

namespace dormouse::learning {
namespace {

using engine::Graph;
using engine::Node;
using engine::ValueId;

namespace json = boost::json;

constexpr const char* kFrozen = "dormouse.frozen";  // metadata: the names, a JSON list

bool is_weight(const Graph& graph, ValueId id, std::size_t rank) {
  if (id == engine::kAbsent) return false;
  const engine::ValueInfo& value = graph.value(id);
  return value.constant && value.dtype == engine::DType::f32 && value.shape.rank() == rank;
}

/// A bias: one number an output, whatever leading axes of one it has.
bool is_bias(const Graph& graph, ValueId id, std::int64_t outputs) {
  if (id == engine::kAbsent) return false;
  const engine::ValueInfo& value = graph.value(id);
  return value.constant && value.dtype == engine::DType::f32 && value.shape.rank() >= 1 &&
         value.shape.back() == outputs && value.constant->elements() == outputs;
}

/// Of a layer of one unit the bias is a single number, as is much that nobody should learn.
bool takes_bias(const Node& node, std::size_t input) {
  return input == 2 && (node.op->name == "Conv" || node.op->name == "Gemm");
}

std::int64_t outputs_of(const Graph& graph, const LinearLayer& layer) {
  return graph.value(layer.weight).shape[layer.transposed ? 0 : 1];
}

std::vector<std::string> frozen_in(const Graph& graph) {
  const auto found = std::ranges::find(graph.metadata, kFrozen, &std::pair<std::string, std::string>::first);
  if (found == graph.metadata.end()) return {};
  return json::value_to<std::vector<std::string>>(json::parse(found->second));
}

/// Gemm with unit factors, or MatMul, whose right operand is a constant matrix.
std::optional<LinearLayer> product(const Graph& graph, const Node& node) {
  if (node.inputs.size() < 2 || !is_weight(graph, node.inputs[1], 2)) return std::nullopt;
  LinearLayer layer{node.inputs[0], node.outputs[0], node.inputs[1]};
  if (node.op->name == "MatMul") return layer;
  const bool plain = node.op->name == "Gemm" && node.attributes.integer("transA", 0) == 0 &&
                     node.attributes.get("alpha", 1.0f) == 1.0f && node.attributes.get("beta", 1.0f) == 1.0f;
  if (!plain) return std::nullopt;
  layer.transposed = node.attributes.integer("transB", 0) != 0;
  if (node.inputs.size() < 3 || node.inputs[2] == engine::kAbsent) return layer;
  if (!is_bias(graph, node.inputs[2], outputs_of(graph, layer))) return std::nullopt;
  layer.bias = node.inputs[2];
  return layer;
}

/// `node` as the Add that gives a product its bias.
std::optional<LinearLayer> with_bias(const Graph& graph, const Node& node) {
  if (node.op->name != "Add") return std::nullopt;
  for (const std::size_t side : {0u, 1u}) {
    const Node* inner = graph.producer(node.inputs[side]);
    auto layer = inner ? product(graph, *inner) : std::nullopt;
    if (!layer || layer->bias != engine::kAbsent) continue;
    if (!is_bias(graph, node.inputs[1 - side], outputs_of(graph, *layer))) continue;
    layer->bias = node.inputs[1 - side];
    layer->output = node.outputs[0];
    return layer;
  }
  return std::nullopt;
}

const Node* only_reader(const Graph& graph, ValueId value) {
  const Node* reader = nullptr;
  for (const Node& node : graph.nodes())
    for (const ValueId id : node.inputs) {
      if (id != value) continue;
      if (reader) return nullptr;
      reader = &node;
    }
  return std::ranges::count(graph.outputs(), value) ? nullptr : reader;
}

/// A product with the bias that an Add behind it brings, if one does.
LinearLayer with_later_bias(const Graph& graph, const LinearLayer& layer) {
  const Node* next = layer.bias == engine::kAbsent ? only_reader(graph, layer.output) : nullptr;
  return next ? with_bias(graph, *next).value_or(layer) : layer;
}

/// `weights` [extra, in] below or beside the layer's matrix.
Tensor grown_matrix(const Tensor& old, const Tensor& extra, bool transposed) {
  const std::int64_t in = extra.shape()[1], more = extra.shape()[0];
  const std::int64_t before = old.shape()[transposed ? 0 : 1];
  Tensor grown(engine::DType::f32, transposed ? Shape{before + more, in} : Shape{in, before + more});
  const auto from = old.values<float>(), rows = extra.values<float>();
  const auto to = grown.mutable_values<float>();
  if (transposed) {
    std::ranges::copy(rows, std::ranges::copy(from, to.begin()).out);
    return grown;
  }
  for (std::int64_t i = 0; i < in; ++i)
    for (std::int64_t c = 0; c < before + more; ++c)
      to[std::size_t(i * (before + more) + c)] =
          c < before ? from[std::size_t(i * before + c)] : rows[std::size_t((c - before) * in + i)];
  return grown;
}

Tensor grown_bias(const Tensor& old, const Tensor& extra) {
  Shape shape = old.shape();
  shape[shape.rank() - 1] += extra.elements();
  Tensor grown(engine::DType::f32, shape);
  const auto to = grown.mutable_values<float>();
  std::ranges::copy(extra.values<float>(), std::ranges::copy(old.values<float>(), to.begin()).out);
  return grown;
}

LinearLayer last_layer(const Graph& trainable) {
  auto layer = linear_layer_to(trainable, trainable.outputs().at(0));
  if (!layer)
    throw Failure(Errc::unsupported,
                  "'" + trainable.value(trainable.outputs()[0]).name +
                      "' does not come from a linear layer with constant weights, so it cannot gain classes");
  return *layer;
}

double log_sum_exp(std::span<const float> logits) {
  const double peak = std::ranges::max(logits);
  double sum = 0;
  for (const float x : logits) sum += std::exp(double{x} - peak);
  return peak + std::log(sum);
}

/// Mean over the examples of class `c` of (what all slow logits make together − the fast logit · gain).
std::optional<double> tie(const engine::LinearHead& slow, const engine::LinearHead& fast, double gain,
                          const LabelledLatents& data, std::size_t c) {
  std::vector<float> s(slow.classes()), f(fast.classes());
  double sum = 0;
  std::size_t n = 0;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data.classes[i] != c) continue;
    slow.logits(data.row(i), s);
    fast.logits(data.row(i), f);
    sum += log_sum_exp(s) - gain * double{f[c]};
    ++n;
  }
  if (n == 0) return std::nullopt;
  return sum / static_cast<double>(n);
}

}  // namespace

std::optional<LinearLayer> linear_layer_to(const Graph& graph, ValueId output) {
  const Node* node = graph.producer(output);
  if (!node) return std::nullopt;
  if (auto layer = with_bias(graph, *node)) return layer;
  return product(graph, *node);
}

std::vector<LinearLayer> linear_layers(const Graph& graph) {
  std::vector<LinearLayer> layers;
  for (const Node& node : graph.nodes()) {
    const auto layer = product(graph, node);
    if (layer) layers.push_back(with_later_bias(graph, *layer));
  }
  return layers;
}

std::optional<engine::LinearHead> as_linear_head(const Graph& trainable) {
  const auto layer = linear_layer_to(trainable, trainable.outputs().at(0));
  if (!layer || layer->input != trainable.inputs().at(0)) return std::nullopt;
  const auto width =
      static_cast<std::size_t>(trainable.value(layer->weight).shape[layer->transposed ? 1 : 0]);
  const auto classes = static_cast<std::size_t>(outputs_of(trainable, *layer));
  engine::LinearHead head{Tensor(engine::DType::f32, Shape{std::int64_t(width + 1), std::int64_t(classes)}),
                          1};
  const auto from = trainable.value(layer->weight).constant->values<float>();
  const auto to = head.weights.mutable_values<float>();
  for (std::size_t i = 0; i < width; ++i)
    for (std::size_t c = 0; c < classes; ++c)
      to[i * classes + c] = layer->transposed ? from[c * width + i] : from[i * classes + c];
  if (layer->bias != engine::kAbsent)
    std::ranges::copy(trainable.value(layer->bias).constant->values<float>(),
                      to.begin() + std::ptrdiff_t(width * classes));
  return head;
}

void freeze(Graph& graph, const std::vector<std::string>& names) {
  std::erase_if(graph.metadata, [](const auto& entry) { return entry.first == kFrozen; });
  if (!names.empty()) graph.metadata.emplace_back(kFrozen, json::serialize(json::value_from(names)));
}

std::vector<ValueId> parameters_of(const Graph& trainable) {
  const std::vector<std::string> frozen = frozen_in(trainable);
  std::vector<bool> wanted(trainable.value_count());
  for (const Node& node : trainable.nodes()) {
    const std::size_t learnt = node.op->name == "BatchNormalization" ? 3 : node.inputs.size();
    for (std::size_t i = 0; i < std::min(learnt, node.inputs.size()); ++i) {
      const ValueId id = node.inputs[i];
      if (id == engine::kAbsent) continue;
      const engine::ValueInfo& value = trainable.value(id);
      if (value.constant && value.dtype == engine::DType::f32 && value.shape.rank() >= 1 &&
          (value.constant->elements() > 1 || takes_bias(node, i)) && !std::ranges::count(frozen, value.name))
        wanted[static_cast<std::size_t>(id)] = true;
    }
  }
  std::vector<ValueId> parameters;
  for (std::size_t id = 0; id < wanted.size(); ++id)
    if (wanted[id]) parameters.push_back(static_cast<ValueId>(id));
  return parameters;
}

void grow_head(Graph& trainable, const HeadRows& rows) {
  const LinearLayer layer = last_layer(trainable);
  const std::int64_t in = trainable.value(layer.weight).shape[layer.transposed ? 1 : 0];
  ensure(rows.weights.shape().rank() == 2 && rows.weights.shape()[1] == in, "rows as wide as the layer");
  const Tensor weight = *trainable.value(layer.weight).constant;
  trainable.set_constant(layer.weight, grown_matrix(weight, rows.weights, layer.transposed));
  if (layer.bias != engine::kAbsent) {
    const Tensor bias = *trainable.value(layer.bias).constant;
    trainable.set_constant(layer.bias, grown_bias(bias, rows.bias));
  }
  trainable.reinfer();
}

HeadRows rows_from_fast(const Graph& trainable, const engine::LinearHead* fast, float slow_temperature,
                        const LabelledLatents& data, std::size_t classes) {
  const LinearLayer layer = last_layer(trainable);
  const auto in = static_cast<std::size_t>(trainable.value(layer.weight).shape[layer.transposed ? 1 : 0]);
  const auto before = static_cast<std::size_t>(outputs_of(trainable, layer));
  ensure(classes >= before, "heads only grow");
  const std::size_t extra = classes - before;
  HeadRows rows{Tensor(engine::DType::f32, Shape{std::int64_t(extra), std::int64_t(in)}),
                Tensor(engine::DType::f32, Shape{std::int64_t(extra)})};
  const auto weights = rows.weights.mutable_values<float>();
  const auto bias = rows.bias.mutable_values<float>();
  if (layer.bias != engine::kAbsent) {
    float mean = 0;
    for (const float b : trainable.value(layer.bias).constant->values<float>()) mean += b;
    std::ranges::fill(bias, mean / static_cast<float>(before));
  }
  const auto slow = as_linear_head(trainable);
  if (!slow || !fast || fast->lift || fast->latent_size() != in) return rows;

  const double gain = double{slow_temperature} / double{fast->temperature};
  const auto from = fast->weights.values<float>();
  for (std::size_t c = before; c < std::min(classes, fast->classes()); ++c) {
    const auto shift = tie(*slow, *fast, gain, data, c);
    if (!shift) continue;
    for (std::size_t i = 0; i < in; ++i)
      weights[(c - before) * in + i] = static_cast<float>(gain * double{from[i * fast->classes() + c]});
    bias[c - before] = static_cast<float>(*shift + gain * double{from[in * fast->classes() + c]});
  }
  return rows;
}

void set_last_layer(Graph& trainable, const engine::LinearHead& head, float factor) {
  const LinearLayer layer = last_layer(trainable);
  if (layer.bias == engine::kAbsent)
    throw Failure(Errc::unsupported, "the last layer has no bias, which a solved head needs");
  const auto in = head.latent_size(), classes = head.classes();
  Tensor weight(engine::DType::f32, trainable.value(layer.weight).shape);
  Tensor bias(engine::DType::f32, trainable.value(layer.bias).shape);
  ensure(!head.lift && weight.elements() == std::int64_t(in * classes), "a head of this layer's shape");
  const auto from = head.weights.values<float>();
  const auto w = weight.mutable_values<float>(), b = bias.mutable_values<float>();
  for (std::size_t c = 0; c < classes; ++c) {
    for (std::size_t i = 0; i < in; ++i)
      w[layer.transposed ? c * in + i : i * classes + c] = factor * from[i * classes + c];
    b[c] = factor * from[in * classes + c];
  }
  trainable.set_constant(layer.weight, std::move(weight));
  trainable.set_constant(layer.bias, std::move(bias));
}

}  // namespace dormouse::learning
