#include "engine/passes/linear_layer.h"

#include <algorithm>
#include <cmath>

#include "engine/kernels/scale.h"
#include "engine/mapped.h"
#include "engine/on_demand.h"
#include "engine/ops/casting.h"

namespace dormouse::engine {
namespace {

Tensor tensor_of(const std::vector<double>& values, Shape shape, DType type) {
  return Tensor::from<double>(std::move(shape), std::span(values)).as(type);
}

bool all_finite(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
}

bool usable(const ChannelAffine& affine) { return all_finite(affine.factor) && all_finite(affine.shift); }

/// Where the output channels of a layer lie in its weights: `channels` of them in turn, `inner` elements of
/// each; for a grouped ConvTranspose those of the next group after each `outer` elements.
struct WeightLayout {
  std::size_t inner, channels, outer;
};

/// Multiplies weights of a layer, those from element `first` on, by the factors of their channels.
template <class T>
void scale_channels(std::span<T> weights, std::size_t first, const WeightLayout& layout,
                    const std::vector<double>& factor) {
  std::size_t channel = first / layout.inner % layout.channels, i = first % layout.inner;
  std::size_t group = first / layout.outer * layout.channels;
  for (std::size_t at = 0; at < weights.size(); i = 0) {
    const std::size_t run = std::min(layout.inner - i, weights.size() - at);
    engine::scale(weights.subspan(at, run), factor[group + channel]);
    at += run;
    if (++channel < layout.channels) continue;
    channel = 0;
    group = (first + at) / layout.outer * layout.channels;
  }
}

/// The same of weights that lie in a file, or are made of such, when they are needed: they are packed then,
/// and need not be held beside that.
Tensor scaled_on_demand(const Tensor& weights, const WeightLayout& layout,
                        const std::vector<double>& factor) {
  const auto make = [=](std::size_t first, std::span<std::byte> to) {
    write_elements(weights, first, to);
    release_pages(weights);
    scale_channels(std::span(reinterpret_cast<float*>(to.data()), to.size() / sizeof(float)),
                   first / sizeof(float), layout, factor);
  };
  return {DType::f32, weights.shape(), on_demand(weights.byte_size(), make), 0};
}

/// `weights` with each channel multiplied by its factor.
Tensor scaled(const Tensor& weights, const WeightLayout& layout, const std::vector<double>& factor) {
  if (weights.dtype() == DType::f32) {
    if (is_reproducible(weights) && weights.byte_size() >= kLeastOnDemand)
      return scaled_on_demand(weights, layout, factor);
    Tensor result = weights.clone();
    scale_channels(result.mutable_values<float>(), 0, layout, factor);
    return result;
  }
  Tensor wide = weights.dtype() == DType::f64 ? weights.clone() : weights.as(DType::f64);
  scale_channels(wide.mutable_values<double>(), 0, layout, factor);
  return wide.as(weights.dtype());
}

WeightLayout layout_of(const Node& layer, const Shape& weights) {
  const auto extent = [&](std::size_t axis) { return static_cast<std::size_t>(weights[axis]); };
  const auto all = static_cast<std::size_t>(weights.elements());
  if (is(layer, "Conv")) return {all / extent(0), extent(0), all};
  if (is(layer, "ConvTranspose")) {
    const auto groups = static_cast<std::size_t>(layer.attributes.integer("group", 1));
    return {all / extent(0) / extent(1), extent(1), all / groups};
  }
  if (is(layer, "Gemm") && layer.attributes.integer("transB", 0) != 0) return {extent(1), extent(0), all};
  return {1, extent(1), all};
}

std::size_t channels_of(const Node& layer, const Shape& weights) {
  const WeightLayout layout = layout_of(layer, weights);
  return static_cast<std::size_t>(weights.elements()) / layout.outer * layout.channels;
}

/// The bias that `layer` adds, per channel; nothing when it is not one constant for each.
std::optional<std::vector<double>> bias_of(const Rewrite& rewrite, const Node& layer, std::size_t channels) {
  std::vector<double> bias(channels, 0);
  if (layer.inputs.size() < 3 || layer.inputs[2] == kAbsent) return bias;
  const Tensor* const added = rewrite.constant(layer.inputs[2]);
  if (!added) return std::nullopt;
  const bool row = added->shape().rank() > 0 &&
                   added->shape().back() == static_cast<std::int64_t>(channels) &&
                   added->elements() == static_cast<std::int64_t>(channels);
  if (!row && added->elements() != 1) return std::nullopt;
  const std::vector<double> given = elements_of(*added);
  const double beta = is(layer, "Gemm") ? static_cast<double>(layer.attributes.get<float>("beta", 1)) : 1;
  for (std::size_t c = 0; c < channels; ++c) bias[c] = beta * given[row ? c : 0];
  return bias;
}

/// Whether `constant` broadcasts to `shape` with one value for each index of `axis`, and no other axis.
bool is_per_channel(const Shape& constant, const Shape& shape, std::size_t axis) {
  if (constant.rank() > shape.rank()) return false;
  const std::size_t missing = shape.rank() - constant.rank();
  for (std::size_t d = 0; d < constant.rank(); ++d)
    if (constant[d] != 1 && (d + missing != axis || constant[d] != shape[axis])) return false;
  return true;
}

std::size_t channel_axis(const Rewrite& rewrite, ValueId value) {
  return rewrite.maker(value, "MatMul") ? rewrite.value(value).shape.rank() - 1 : 1;
}

/// The constant of `node` that is input i, spread over the channels of its other input.
std::optional<std::vector<double>> channel_values(const Rewrite& rewrite, const Node& node, std::size_t i) {
  const Tensor* const constant = rewrite.constant(node.inputs[i]);
  const ValueInfo& other = rewrite.value(node.inputs[1 - i]);
  if (!constant || other.constant || !other.shape_known || other.shape.rank() < 2) return std::nullopt;
  const std::size_t axis = channel_axis(rewrite, node.inputs[1 - i]);
  const std::int64_t channels = other.shape[axis];
  if (channels <= 0 || !is_per_channel(constant->shape(), other.shape, axis)) return std::nullopt;
  std::vector<double> values = elements_of(*constant);
  if (values.size() == 1) values.assign(static_cast<std::size_t>(channels), values[0]);
  return values;
}

void apply_each(std::vector<double>& values, double (*function)(double)) {
  std::ranges::transform(values, values.begin(), function);
}

}  // namespace

std::vector<double> elements_of(const Tensor& tensor) {
  const Tensor wide = tensor.as(DType::f64);
  const auto values = wide.values<double>();
  return {values.begin(), values.end()};
}

std::optional<ChannelAffine> affine_of_normalization(const Rewrite& rewrite, const Node& node) {
  std::vector<double> parameters[4];
  for (std::size_t i = 0; i < 4; ++i) {
    const Tensor* const tensor = rewrite.constant(node.inputs[1 + i]);
    if (!tensor) return std::nullopt;
    parameters[i] = elements_of(*tensor);
  }
  const auto& [scale, bias, mean, variance] = parameters;
  const auto epsilon = static_cast<double>(node.attributes.get<float>("epsilon", 1e-5f));
  ChannelAffine affine;
  for (std::size_t c = 0; c < scale.size(); ++c) {
    const double factor = scale[c] / std::sqrt(variance[c] + epsilon);
    affine.factor.push_back(factor);
    affine.shift.push_back(bias[c] - mean[c] * factor);
  }
  return usable(affine) ? std::optional(affine) : std::nullopt;
}

std::optional<AffineNode> affine_of_arithmetic(const Rewrite& rewrite, const Node& node) {
  const bool mul = is(node, "Mul"), div = is(node, "Div"), add = is(node, "Add"), sub = is(node, "Sub");
  if (!mul && !div && !add && !sub) return std::nullopt;
  for (const std::size_t i : {1, 0}) {
    if (div && i == 0) continue;
    std::optional<std::vector<double>> values = channel_values(rewrite, node, i);
    if (!values) continue;
    const std::size_t channels = values->size();
    if (div) apply_each(*values, [](double x) { return 1 / x; });
    if (sub && i == 1) apply_each(*values, [](double x) { return -x; });
    const double sign = sub && i == 0 ? -1 : 1;
    AffineNode result{node.inputs[1 - i], {}};
    if (mul || div)
      result.affine = {std::move(*values), std::vector<double>(channels, 0)};
    else
      result.affine = {std::vector<double>(channels, sign), std::move(*values)};
    if (usable(result.affine)) return result;
  }
  return std::nullopt;
}

const Node* scalable_layer(const Rewrite& rewrite, ValueId value, std::size_t channels) {
  const Node* const layer = rewrite.maker(value);
  // A known shape says that the layer's inputs were found to fit together.
  if (!layer || !rewrite.read_once(value) || !rewrite.value(value).shape_known) return nullptr;
  const bool convolves = is(*layer, "Conv") || is(*layer, "ConvTranspose");
  const bool multiplies = is(*layer, "Gemm") || is(*layer, "MatMul");
  if (!convolves && !multiplies) return nullptr;
  const Tensor* const weights = rewrite.constant(layer->inputs[1]);
  if (!weights || weights->elements() == 0 || !is_floating(weights->dtype())) return nullptr;
  if (weights->shape().rank() < 2 || (is(*layer, "MatMul") && weights->shape().rank() != 2)) return nullptr;
  const bool fits = channels_of(*layer, weights->shape()) == channels && bias_of(rewrite, *layer, channels);
  return fits ? layer : nullptr;
}

void replace_by_scaled(Rewrite& rewrite, const Node& layer, const ChannelAffine& affine) {
  const Tensor weights = *rewrite.constant(layer.inputs[1]);
  const DType type = weights.dtype();
  const std::size_t channels = affine.factor.size();
  const WeightLayout layout = layout_of(layer, weights.shape());
  std::vector<double> bias = *bias_of(rewrite, layer, channels);
  for (std::size_t c = 0; c < channels; ++c) bias[c] = bias[c] * affine.factor[c] + affine.shift[c];
  const ValueId input = layer.inputs[0];
  const bool unscaled = std::ranges::all_of(affine.factor, [](double factor) { return factor == 1; });
  const ValueId kernel =
      unscaled ? layer.inputs[1] : rewrite.add_constant(scaled(weights, layout, affine.factor));
  const bool biased = std::ranges::any_of(bias, [](double value) { return value != 0; });
  if (is(layer, "MatMul") && !biased) return rewrite.replace("MatMul", {input, kernel});
  const ValueId added = rewrite.add_constant(tensor_of(bias, {static_cast<std::int64_t>(channels)}, type));
  Attributes attributes = layer.attributes;
  if (is(layer, "Gemm")) attributes.set("beta", 1.0f);
  const std::string_view op = is(layer, "MatMul") ? "Gemm" : layer.op->name;
  rewrite.replace(op, {input, kernel, added}, std::move(attributes));
}

}  // namespace dormouse::engine
