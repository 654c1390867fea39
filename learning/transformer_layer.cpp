#include "learning/transformer_layer.h"

#include <cmath>

namespace dormouse::learning {
namespace {

using engine::Shape;
using engine::Tensor;
using engine::Value;

constexpr float kEpsilon = 1e-5f;  // of normalisation

struct TransformerOptions {
  std::int64_t width = 64;
  std::int64_t heads = 4;
  std::int64_t blocks = 2;
  std::int64_t feedforward = 128;
  SequenceOutput output = SequenceOutput::mean;
  std::string name;
};

void bind_options(config::Binder& binder, TransformerOptions& options) {
  binder.optional("width", options.width, config::range(1, 4096));
  binder.optional("heads", options.heads, config::range(1, 256));
  binder.optional("blocks", options.blocks, config::range(1, 64));
  binder.optional("feedforward", options.feedforward, config::range(1, 16384));
  binder.optional("output", options.output,
                  config::one_of<SequenceOutput>(
                      {{"mean", SequenceOutput::mean}, {"sequence", SequenceOutput::sequence}}));
  binder.optional("name", options.name);
  if (options.width % options.heads != 0) throw binder.wrong("heads", "width is no multiple of heads");
}

/// sin and cos of position · 10000^(−2i/width), side by side. In f64, which keeps training off it.
Tensor sinusoids(std::int64_t rows, std::int64_t width) {
  Tensor table(engine::DType::f64, Shape{rows, width});
  auto to = table.mutable_values<double>().begin();
  for (std::int64_t t = 0; t < rows; ++t)
    for (std::int64_t i = 0; i < width; ++i) {
      const double angle = static_cast<double>(t) *
                           std::pow(1e4, -static_cast<double>(i / 2 * 2) / static_cast<double>(width));
      *to++ = i % 2 == 0 ? std::sin(angle) : std::cos(angle);
    }
  return table;
}

Tensor filled(std::int64_t width, float value) {
  Tensor tensor(engine::DType::f32, Shape{width});
  for (float& element : tensor.mutable_values<float>()) element = value;
  return tensor;
}

/// The encoder's parts, on sequences [N, rows, width].
class Encoder {
 public:
  Encoder(engine::Graph& graph, const TransformerOptions& options, LayerContext& context)
      : graph_(graph), options_(options), context_(context) {}

  Value embed(Value x) const {
    const Value table = engine::constant(graph_, sinusoids(x.shape()[1], options_.width));
    return linear(x, "embedding", options_.width) + engine::cast(table, engine::DType::f32);
  }

  Value block(Value x, const std::string& name) const {
    x = x + attention(norm(x, name + ".norm0"), name + ".attention");
    const Value wide = linear(norm(x, name + ".norm1"), name + ".expand", options_.feedforward);
    const Value active = engine::apply("Gelu", {wide}, {{"approximate", std::string("tanh")}});
    return x + linear(active, name + ".contract", options_.width);
  }

  Value norm(Value x, const std::string& name) const {
    return engine::apply("LayerNormalization",
                         {x, context_.weight(graph_, name + ".scale", filled(options_.width, 1)),
                          context_.weight(graph_, name + ".shift", filled(options_.width, 0))},
                         {{"epsilon", kEpsilon}});
  }

 private:
  Value linear(Value x, const std::string& name, std::int64_t out) const {
    const std::int64_t in = x.shape().back();
    const Value weight = context_.weight(graph_, name + ".weight", uniform({in, out}, in, context_.random));
    return engine::matmul(x, weight) + context_.weight(graph_, name + ".bias", filled(out, 0));
  }

  /// [N, rows, width] as [N, heads, rows, width / heads], axes 2 and 3 in this order.
  Value by_head(Value x, std::vector<std::int64_t> axes) const {
    const std::int64_t rows = x.shape()[1], size = options_.width / options_.heads;
    return engine::transpose(engine::reshape(x, {-1, rows, options_.heads, size}), std::move(axes));
  }

  Value attention(Value x, const std::string& name) const {
    const std::int64_t rows = x.shape()[1], width = options_.width;
    const double scale = std::sqrt(static_cast<double>(options_.heads) / static_cast<double>(width));
    const Value query = by_head(linear(x, name + ".query", width) * scale, {0, 2, 1, 3});
    const Value key = by_head(linear(x, name + ".key", width), {0, 2, 3, 1});
    const Value value = by_head(linear(x, name + ".value", width), {0, 2, 1, 3});
    const Value mixed = engine::matmul(engine::softmax(engine::matmul(query, key)), value);
    const Value joined = engine::reshape(engine::transpose(mixed, {0, 2, 1, 3}), {-1, rows, width});
    return linear(joined, name + ".output", width);
  }

  engine::Graph& graph_;
  const TransformerOptions& options_;
  LayerContext& context_;
};

}  // namespace

Value append_transformer(Value x, const config::Node& node, LayerContext& context) {
  const auto options = config::read<TransformerOptions>(node);
  const Encoder encoder(*x.graph, options, context);
  x = encoder.embed(by_time(x, node));
  for (std::int64_t i = 0; i < options.blocks; ++i) x = encoder.block(x, "block" + std::to_string(i));
  x = encoder.norm(x, "norm");
  return named(context.read_out(x, options.output), options.name);
}

}  // namespace dormouse::learning
