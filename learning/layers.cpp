#include "learning/layers.h"

#include <cmath>

#include "learning/linoss_spec.h"
#include "learning/recurrent_layers.h"
#include "learning/transformer_layer.h"

namespace dormouse::learning {

void bind_options(config::Binder& binder, LogMelOptions& options) {
  binder.optional("rate", options.rate, config::range(1.0, 1e6));
  binder.optional("frame", options.frame, config::range(2, 65536));
  binder.optional("hop", options.hop, config::range(1, 65536));
  binder.optional("bands", options.bands, config::range(1, 512));
  binder.optional("low", options.low, config::range(0.0, 1e6));
  binder.optional("high", options.high, config::range(0.0, 1e6));
  binder.optional("floor", options.floor, config::range(1e-12, 1.0));
}

engine::Tensor he_normal(engine::Shape shape, std::int64_t fan_in, Random& random) {
  engine::Tensor weights(engine::DType::f32, std::move(shape));
  const double deviation = std::sqrt(2.0 / static_cast<double>(fan_in));
  for (float& weight : weights.mutable_values<float>())
    weight = static_cast<float>(deviation * random.normal());
  return weights;
}

engine::Tensor uniform(engine::Shape shape, std::int64_t fan_in, Random& random) {
  engine::Tensor weights(engine::DType::f32, std::move(shape));
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  for (float& weight : weights.mutable_values<float>())
    weight = static_cast<float>(bound * (2 * random.uniform() - 1));
  return weights;
}

engine::Value by_time(engine::Value x, const config::Node& node) {
  if (x.shape().rank() == 2) return engine::unsqueeze(x, {2});
  if (x.shape().rank() == 3) return engine::transpose(x, {0, 2, 1});
  throw config::complaint(node.location, node.path, "takes samples, in channels or without");
}

engine::Value named(engine::Value value, const std::string& name) {
  if (!name.empty()) value.graph->rename(value.id, name);
  return value;
}

namespace {

using config::Binder;
using engine::Shape;
using engine::Tensor;
using engine::Value;

Failure at(const config::Node& node, std::string_view message) {
  return config::complaint(node.location, node.path, message);
}

/// A layer without options: `- relu`.
template <Value (*function)(Value)>
Value plain(Value x, const config::Node& options, LayerContext&) {
  Binder(options).finish();
  return function(x);
}

Value append_log_mel(Value x, const config::Node& node, LayerContext&) {
  const auto options = config::read<LogMelOptions>(node);
  if (x.shape().rank() != 2) throw at(node, "log_mel takes one channel of samples");
  return log_mel(x, options);
}

struct NormaliseOptions {
  bool together = false;
};

void bind_options(Binder& binder, NormaliseOptions& options) {
  binder.optional("together", options.together);
}

/// (x − mean) / deviation per channel, or of all samples together; the constants are measured by training.
Value append_normalise(Value x, const config::Node& node, LayerContext& context) {
  const auto options = config::read<NormaliseOptions>(node);
  if (context.mean) throw at(node, "one normalise layer is enough");
  if (context.stream && x.shape().rank() == 2 && !options.together)
    throw at(
        node,
        "of one channel, every sample of a window has a mean of its own, and samples cannot be given one at "
        "a time; write normalise: {together: true}, and train again");
  const std::int64_t channels = options.together ? 1 : x.shape()[1];
  const Shape shape = x.shape().rank() == 3 ? Shape{channels, 1} : Shape{channels};
  const std::vector<float> ones(static_cast<std::size_t>(channels), 1.0f);
  context.normalised = x;
  context.mean = context.weight(*x.graph, "mean", Tensor(engine::DType::f32, shape));
  context.deviation = context.weight(*x.graph, "deviation", Tensor::from<float>(shape, ones));
  return (x - context.mean) / context.deviation;
}

struct ImageOptions {
  std::int64_t height = 0;
  std::int64_t width = 0;
};

void bind_options(Binder& binder, ImageOptions& options) {
  binder.required("height", options.height, config::range(1, 1 << 15));
  binder.required("width", options.width, config::range(1, 1 << 15));
}

/// Samples as an image, row by row: what follows has two dimensions.
Value append_image(Value x, const config::Node& node, LayerContext&) {
  const auto options = config::read<ImageOptions>(node);
  if (x.shape().back() != options.height * options.width)
    throw at(node, "an image of " + std::to_string(options.height) + " by " + std::to_string(options.width) +
                       " needs as many samples; there are " + std::to_string(x.shape().back()));
  const std::int64_t channels = x.shape().rank() == 3 ? x.shape()[1] : 1;
  return engine::reshape(x, {-1, channels, options.height, options.width});
}

/// As many of an attribute as the layer has dimensions.
std::vector<std::int64_t> each_way(const Value& x, std::int64_t value, std::size_t times = 1) {
  return std::vector<std::int64_t>((x.shape().rank() - 2) * times, value);
}

struct ConvOptions {
  std::int64_t channels = 0;
  std::int64_t kernel = 3;
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  bool separable = false;
  std::string name = {};
};

void bind_options(Binder& binder, ConvOptions& options) {
  binder.required("channels", options.channels, config::range(1, 4096));
  binder.optional("kernel", options.kernel, config::range(1, 1024));
  binder.optional("stride", options.stride, config::range(1, 1024));
  binder.optional("padding", options.padding, config::range(0, 1024));
  binder.optional("separable", options.separable);
  binder.optional("name", options.name);
}

/// A convolution from the channels of x in so many groups; its weights are called after `part`.
Value convolution(Value x, std::int64_t channels, std::int64_t groups, const ConvOptions& options,
                  const std::string& part, LayerContext& context) {
  engine::Graph& graph = *x.graph;
  std::vector<std::int64_t> shape{channels, x.shape()[1] / groups};
  for (const std::int64_t extent : each_way(x, options.kernel)) shape.push_back(extent);
  const Shape kernel(std::move(shape));
  const Tensor weights = he_normal(kernel, kernel.elements(1, kernel.rank()), context.random);
  const Value bias = context.weight(graph, part + "bias", Tensor(engine::DType::f32, Shape{channels}));
  return engine::apply("Conv", {x, context.weight(graph, part + "weight", weights), bias},
                       {{"strides", each_way(x, options.stride)},
                        {"pads", each_way(x, options.padding, 2)},
                        {"group", groups}});
}

/// Depthwise separable (Howard et al. 2017): each channel for itself, then all channels at each place.
Value append_conv(Value x, const config::Node& node, LayerContext& context) {
  const auto options = config::read<ConvOptions>(node);
  if (context.stream && (options.kernel > 1 || options.stride > 1 || options.padding > 0))
    throw at(node, "a convolution over more than one sample cannot be given them one at a time");
  if (x.shape().rank() == 2) x = engine::unsqueeze(x, {1});
  if (!options.separable)
    return named(convolution(x, options.channels, 1, options, "", context), options.name);
  const std::int64_t in = x.shape()[1];
  const Value each = convolution(x, in, in, options, "depthwise.", context);
  return named(convolution(each, options.channels, 1, {.kernel = 1}, "pointwise.", context), options.name);
}

struct PoolOptions {
  std::int64_t size = 2;
};

void bind_options(Binder& binder, PoolOptions& options) {
  binder.optional("size", options.size, config::range(1, 1024));
}

Value append_max_pool(Value x, const config::Node& node, LayerContext&) {
  const auto size = each_way(x, config::read<PoolOptions>(node).size);
  return engine::apply("MaxPool", {x}, {{"kernel_shape", size}, {"strides", size}});
}

Value append_average_pool(Value x, const config::Node& node, LayerContext&) {
  const auto size = each_way(x, config::read<PoolOptions>(node).size);
  return engine::apply("AveragePool", {x}, {{"kernel_shape", size}, {"strides", size}});
}

struct LinearOptions {
  std::string units;
  std::string name;
};

void bind_options(Binder& binder, LinearOptions& options) {
  binder.required("units", options.units);
  binder.optional("name", options.name);
}

std::int64_t units(const LinearOptions& options, const config::Node& node, const LayerContext& context) {
  if (options.units == "labels" || options.units == "outputs") return context.labels;
  std::int64_t count = 0;
  for (const char digit : options.units) {
    if (digit < '0' || digit > '9' || count > 65536)
      throw at(node, "units is a number, or the word labels (or outputs)");
    count = count * 10 + (digit - '0');
  }
  if (count < 1 || count > 65536) throw at(node, "units is from 1 to 65536");
  return count;
}

void need_features(const Value& x, const config::Node& node, const LayerContext& context) {
  if (x.shape().rank() != 2) throw at(node, "takes [batch, features]: put a flatten before it");
  if (context.stream && context.over_time)
    throw at(node, "takes all samples together, and cannot be given them one at a time");
}

Value append_linear(Value x, const config::Node& node, LayerContext& context) {
  const auto options = config::read<LinearOptions>(node);
  need_features(x, node, context);
  const std::int64_t in = x.shape()[1], out = units(options, node, context);
  engine::Graph& graph = *x.graph;
  const Value weights = context.weight(graph, "weight", he_normal({out, in}, in, context.random));
  const Value bias = context.weight(graph, "bias", Tensor(engine::DType::f32, Shape{out}));
  return named(engine::apply("Gemm", {x, weights, bias}, {{"transB", std::int64_t{1}}}), options.name);
}

/// BitNet b1.58: what goes in is normalised, then both sides of the product are rounded.
Value append_bit_linear(Value x, const config::Node& node, LayerContext& context) {
  const auto options = config::read<LinearOptions>(node);
  need_features(x, node, context);
  const std::int64_t in = x.shape()[1], out = units(options, node, context);
  engine::Graph& graph = *x.graph;
  const std::vector<float> ones(static_cast<std::size_t>(in), 1.0f);
  const Value scale = context.weight(graph, "scale", Tensor::from<float>({in}, ones));
  const Value shift = context.weight(graph, "shift", Tensor(engine::DType::f32, Shape{in}));
  const Value weights = context.weight(graph, "weight", he_normal({out, in}, in, context.random));
  const Value bias = context.weight(graph, "bias", Tensor(engine::DType::f32, Shape{out}));
  const Value normal = engine::apply("LayerNormalization", {x, scale, shift}, {{"epsilon", 1e-5f}});
  return named(engine::apply("BitLinear", {normal, weights, bias}, {}, "dormouse"), options.name);
}

/// Zeros for the rows that are to be foretold, and a channel that says which rows are known.
Value append_extend(Value x, const config::Node& node, LayerContext& context) {
  Binder(node).finish();
  if (context.horizon == 0) throw at(node, "extend is for task: forecast, which has a horizon");
  if (x.shape().rank() == 2) x = engine::unsqueeze(x, {1});
  if (x.shape().rank() != 3) throw at(node, "extend takes samples, in channels or without");
  engine::Graph& graph = *x.graph;
  const auto numbers = [&](std::int64_t value) { return engine::integers(graph, {value}); };
  const Value first = engine::apply("Slice", {x, numbers(0), numbers(1), numbers(1)});
  const Value known = engine::apply("Concat", {x, first * 0 + 1}, {{"axis", std::int64_t{1}}});
  return engine::apply("Pad", {known, engine::integers(graph, {0, 0, 0, 0, 0, context.horizon})});
}

/// The last rows of a sequence, each through one linear layer: what the model foretells, a row after the
/// other.
Value append_forecast(Value x, const config::Node& node, LayerContext& context) {
  Binder(node).finish();
  if (context.horizon == 0) throw at(node, "forecast is for task: forecast, which has a horizon");
  if (x.shape().rank() != 3 || x.shape()[2] < context.horizon)
    throw at(node, "forecast takes a sequence [channels, rows] of at least " +
                       std::to_string(context.horizon) +
                       " rows: put an extend and a layer with output: sequence before it");
  engine::Graph& graph = *x.graph;
  const auto numbers = [&](std::int64_t value) { return engine::integers(graph, {value}); };
  const std::int64_t in = x.shape()[1], rows = x.shape()[2], out = context.labels / context.horizon;
  const Value behind = engine::apply(
      "Slice", {engine::transpose(x, {0, 2, 1}), numbers(rows - context.horizon), numbers(rows), numbers(1)});
  const Value weights = context.weight(graph, "weight", uniform({in, out}, in, context.random));
  const Value bias = context.weight(graph, "bias", Tensor(engine::DType::f32, Shape{out}));
  return engine::reshape(engine::matmul(behind, weights) + bias, {-1, context.horizon * out});
}

Value flatten(Value x) { return engine::apply("Flatten", {x}); }
Value relu(Value x) { return engine::relu(x); }
Value tanh(Value x) { return engine::tanh(x); }
Value sigmoid(Value x) { return engine::sigmoid(x); }

Value append_global_average_pool(Value x, const config::Node& node, LayerContext& context) {
  Binder(node).finish();
  if (context.stream) return context.read_out(by_time(x, node), SequenceOutput::mean);
  return flatten(engine::apply("GlobalAveragePool", {x}));
}

constexpr LayerKind kinds[] = {
    {"log_mel", false, false, append_log_mel},
    {"normalise", false, true, append_normalise},
    {"image", false, false, append_image},
    {"extend", false, false, append_extend},
    {"forecast", true, false, append_forecast},
    {"flatten", false, false, plain<flatten>},
    {"conv", true, true, append_conv},
    {"linear", true, true, append_linear},
    {"bit_linear", true, true, append_bit_linear},
    {"linoss", true, true, append_linoss},
    {"lstm", true, true, append_lstm},
    {"gru", true, true, append_gru},
    {"cfc", true, true, append_cfc},
    {"transformer", true, false, append_transformer},
    {"relu", false, true, plain<relu>},
    {"tanh", false, true, plain<tanh>},
    {"sigmoid", false, true, plain<sigmoid>},
    {"max_pool", false, false, append_max_pool},
    {"average_pool", false, false, append_average_pool},
    {"global_average_pool", false, true, append_global_average_pool},
};

}  // namespace

Value StreamStates::before(engine::Graph& graph, const std::string& name, Shape shape, engine::DType type) {
  return {&graph, graph.add_input(name, type, std::move(shape))};
}

Value StreamStates::mean(Value x, const std::string& prefix, double window) {
  const Value mean = before(*x.graph, prefix + "mean", {engine::kDynamic, x.shape()[1]}, x.dtype());
  const Value count = before(*x.graph, prefix + "count", {engine::kDynamic, 1}, x.dtype()) + 1;
  const Value now = mean + (x - mean) / count;
  after(prefix + "mean", now);
  after(prefix + "count", engine::apply("Min", {count, engine::scalar_like(count, window)}));
  return now;
}

void StreamStates::give(engine::Graph& graph) const {
  for (const auto& [name, state] : after_) {
    // Copies, since one value may be a layer's answer and its state.
    const Value given = engine::apply("Identity", {Value{&graph, state}});
    graph.rename(given.id, name + ".next");
    graph.mark_output(given.id);
  }
}

Value LayerContext::read_out(Value sequence, SequenceOutput output) {
  if (output == SequenceOutput::sequence) return engine::transpose(sequence, {0, 2, 1});
  over_time = false;
  if (stream) {
    const Value now = engine::squeeze(sequence, {1});
    return output == SequenceOutput::mean ? stream->mean(now, prefix) : now;
  }
  if (output == SequenceOutput::mean) return engine::reduce_mean(sequence, {1}, false);
  const Value end = engine::constant(*sequence.graph, Tensor::scalar<std::int64_t>(-1));
  return engine::apply("Gather", {sequence, end}, {{"axis", std::int64_t{1}}});
}

std::span<const LayerKind> layer_kinds() { return kinds; }

}  // namespace dormouse::learning
