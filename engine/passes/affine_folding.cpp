#include <algorithm>
#include <vector>

#include "engine/passes/linear_layer.h"

/// What scales and shifts channels goes into the weights of the layer before it: BatchNormalization first of
/// all, and the constants that exporters multiply and add.
namespace dormouse::engine {
namespace {

Tensor row(const std::vector<double>& values, DType type) { return row_of(values).as(type); }

std::string_view fold_normalization(Rewrite& rewrite, const Node& node) {
  if (!is(node, "BatchNormalization")) return {};
  const std::optional<ChannelAffine> affine = affine_of_normalization(rewrite, node);
  if (!affine) return {};
  const Node* const layer = scalable_layer(rewrite, node.inputs[0], affine->factor.size());
  const bool channels_second =
      layer && (!is(*layer, "MatMul") || rewrite.value(node.inputs[0]).shape.rank() == 2);
  if (!channels_second) return {};
  const std::string_view change = is(*layer, "Conv")            ? "BatchNormalization into Conv"
                                  : is(*layer, "ConvTranspose") ? "BatchNormalization into ConvTranspose"
                                                                : "BatchNormalization into a linear layer";
  replace_by_scaled(rewrite, *layer, *affine);
  return change;
}

bool is_shift(const ChannelAffine& affine) {
  return std::ranges::all_of(affine.factor, [](double factor) { return factor == 1; });
}

/// A row of biases after a MatMul of more than two axes stays: no operator of ONNX takes it in.
bool gains_nothing(const Rewrite& rewrite, const Node& layer, const ChannelAffine& affine) {
  return is(layer, "MatMul") && rewrite.value(layer.inputs[0]).shape.rank() != 2 && is_shift(affine);
}

std::string_view fold_arithmetic(Rewrite& rewrite, const Node& node) {
  const std::optional<AffineNode> found = affine_of_arithmetic(rewrite, node);
  if (!found) return {};
  if (const Node* const layer = scalable_layer(rewrite, found->input, found->affine.factor.size())) {
    if (gains_nothing(rewrite, *layer, found->affine)) return {};
    replace_by_scaled(rewrite, *layer, found->affine);
    return is_shift(found->affine) ? "addends into the layer before" : "factors into the layer before";
  }
  const Node* const before = rewrite.maker(found->input, "BatchNormalization");
  if (!before || !rewrite.read_once(found->input)) return {};
  const auto normalization = affine_of_normalization(rewrite, *before);
  if (!normalization) return {};
  std::vector<double> scale = elements_of(*rewrite.constant(before->inputs[1]));
  std::vector<double> bias = elements_of(*rewrite.constant(before->inputs[2]));
  for (std::size_t c = 0; c < scale.size(); ++c) {
    scale[c] *= found->affine.factor[c];
    bias[c] = bias[c] * found->affine.factor[c] + found->affine.shift[c];
  }
  const DType type = rewrite.value(found->input).dtype;
  rewrite.replace("BatchNormalization",
                  {before->inputs[0], rewrite.add_constant(row(scale, type)),
                   rewrite.add_constant(row(bias, type)), before->inputs[3], before->inputs[4]},
                  before->attributes);
  return "factors and addends into BatchNormalization";
}

Changes run(Graph& graph) {
  return rewrite(graph, [](Rewrite& rewriting, const Node& node) {
    const std::string_view change = fold_normalization(rewriting, node);
    return change.empty() ? fold_arithmetic(rewriting, node) : change;
  });
}

}  // namespace

extern const Pass affine_folding{.name = "batch norm and affine folding", .run = run};

}  // namespace dormouse::engine
