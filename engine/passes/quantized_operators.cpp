#include <algorithm>
#include <cmath>

#include "engine/passes/quantization.h"

/// An operator between DequantizeLinear and QuantizeLinear, on the quantised numbers themselves: products and
/// convolutions become the QLinear operators, which sum exactly; what moves or compares numbers moves these.
namespace dormouse::engine {
namespace {

/// A constant matrix or filter of 8-bit numbers and what it stands for; `turned`: its two axes are exchanged.
struct Weights {
  Dequantized of;
  bool turned = false;
};

/// The rule at one QuantizeLinear.
class Quantizing {
 public:
  Quantizing(Rewrite& rewrite, const Node& node, Quantization result)
      : rewrite_(rewrite), node_(node), result_(std::move(result)), real_(node.inputs[0]) {}

  std::string_view run() {
    const bool clamped = skip_clamps();
    if (forwards()) return "requantisations to the same removed";
    if (read_by_this_alone(real_)) {
      if (convolution()) return "Conv on quantised numbers";
      if (product()) return "MatMul and Gemm on quantised numbers";
      if (moves()) return "moves of quantised numbers";
    }
    if (!clamped) return {};
    rewrite_.replace("QuantizeLinear", with(node_.inputs, 0, real_), node_.attributes);
    return "clamps that saturation does removed";
  }

 private:
  static std::vector<ValueId> with(std::vector<ValueId> inputs, std::size_t i, ValueId value) {
    inputs[i] = value;
    return inputs;
  }

  bool read_by_this_alone(ValueId value) const {
    return rewrite_.read_once(value) && (value == node_.inputs[0] || clamps_read_once_);
  }

  std::int32_t lowest() const { return result_.type == DType::u8 ? 0 : -128; }

  /// Whether quantising does what `clamp`, a Relu or Clip, does.
  bool saturates(const Node& clamp) const {
    const auto bound = [&](std::size_t i, std::string_view name, float absent) -> std::optional<float> {
      if (i >= clamp.inputs.size() || clamp.inputs[i] == kAbsent)
        return clamp.attributes.get<float>(name, absent);
      const Tensor* const known = rewrite_.constant(clamp.inputs[i]);
      if (!known || known->elements() != 1) return std::nullopt;
      return known->values<float>()[0];
    };
    const bool relu = is(clamp, "Relu");
    const auto low = relu ? 0.0f : bound(1, "min", -INFINITY),
               high = relu ? INFINITY : bound(2, "max", INFINITY);
    return low && high && result_.quantize(*low) == lowest() && result_.quantize(*high) == lowest() + 255;
  }

  bool skip_clamps() {
    bool any = false;
    for (const Node* clamp = rewrite_.maker(real_); clamp && (is(*clamp, "Relu") || is(*clamp, "Clip"));
         clamp = rewrite_.maker(real_)) {
      if (!saturates(*clamp)) break;
      clamps_read_once_ = clamps_read_once_ && rewrite_.read_once(real_);
      real_ = clamp->inputs[0];
      any = true;
    }
    return any;
  }

  bool forwards() {
    const auto before = dequantized(rewrite_, real_);
    if (!before || !before->quantization.one_for_all() || !(before->quantization == result_)) return false;
    rewrite_.forward(before->numbers);
    return true;
  }

  ValueId zero_of(const Quantization& numbers) {
    if (numbers.zero_id != kAbsent) return numbers.zero_id;
    return rewrite_.add_constant(Tensor(numbers.type, {}));
  }

  /// Numbers of one scale, as activations are.
  std::optional<Dequantized> activation(ValueId value) const {
    auto found = dequantized(rewrite_, value);
    return found && found->quantization.one_for_all() ? found : std::nullopt;
  }

  /// The f32 constant `value` of `count` elements in units of `input`'s scale times `weights`'; nothing when
  /// it does not fit. kAbsent gives no elements.
  std::optional<Tensor> bias(ValueId value, std::int64_t count, const Quantization& input,
                             const Quantization& weights) const {
    if (value == kAbsent) return Tensor(DType::i32, {0});
    const Tensor* const real = rewrite_.constant(value);
    if (!real || real->dtype() != DType::f32 || real->elements() != count) return std::nullopt;
    Tensor result(DType::i32, {count});
    const auto to = result.mutable_values<std::int32_t>();
    for (std::size_t i = 0; i < to.size(); ++i) {
      const double unit =
          static_cast<double>(input.scales[0]) * weights.scales[weights.scales.size() == 1 ? 0 : i];
      const double units = std::nearbyint(real->values<float>()[i] / unit);
      if (!(std::abs(units) <= 1 << 30)) return std::nullopt;
      to[i] = static_cast<std::int32_t>(units);
    }
    return result;
  }

  /// The inputs that all QLinear products share.
  std::vector<ValueId> operands(const Dequantized& input, const Dequantized& weights, const Tensor& bias) {
    const Quantization &x = input.quantization, &w = weights.quantization;
    std::vector<ValueId> ids{input.numbers, x.scale_id, zero_of(x),       weights.numbers,
                             w.scale_id,    zero_of(w), result_.scale_id, zero_of(result_)};
    if (bias.elements() > 0) ids.push_back(rewrite_.add_constant(bias));
    return ids;
  }

  bool convolution() {
    const Node* const conv = rewrite_.maker(real_, "Conv");
    if (!conv) return false;
    const auto input = activation(conv->inputs[0]), weights = dequantized(rewrite_, conv->inputs[1]);
    if (!input || !weights || !rewrite_.constant(weights->numbers)) return false;
    const Quantization& w = weights->quantization;
    const std::int64_t channels = rewrite_.value(weights->numbers).shape[0];
    const auto fits = [&](std::size_t count) {
      return count == 1 || (w.axis == 0 && std::cmp_equal(count, channels));
    };
    if (!fits(w.scales.size()) || !fits(w.zeros.size())) return false;
    const auto added =
        bias(conv->inputs.size() > 2 ? conv->inputs[2] : kAbsent, channels, input->quantization, w);
    if (!added) return false;
    const Attributes attributes = conv->attributes;
    rewrite_.replace("QLinearConv", operands(*input, *weights, *added), attributes);
    return true;
  }

  /// The right operand of a product, perhaps behind a Transpose.
  std::optional<Weights> weights(ValueId value) const {
    bool turned = false;
    if (const Node* const transpose = rewrite_.maker(value, "Transpose")) {
      const auto permutation = transpose->attributes.integers("perm");
      turned = permutation.empty() || permutation == std::vector<std::int64_t>{1, 0};
      if (!turned) return std::nullopt;
      value = transpose->inputs[0];
    }
    auto found = dequantized(rewrite_, value);
    if (!found) return std::nullopt;
    const ValueInfo& numbers = rewrite_.value(found->numbers);
    const bool matrix = numbers.constant && numbers.shape.rank() == 2;
    if (!matrix)
      return turned || !found->quantization.one_for_all() ? std::nullopt : std::optional(Weights{*found});
    return Weights{*std::move(found), turned};
  }

  /// What is multiplied and added: MatMul, MatMul + constant, or Gemm without factors.
  struct Product {
    ValueId left = kAbsent, right = kAbsent, added = kAbsent;
    bool turned = false;
  };
  std::optional<Product> parts() const {
    const Node* node = rewrite_.maker(real_);
    if (!node || !node->op->domain.empty()) return std::nullopt;
    if (is(*node, "Gemm")) {
      const bool plain = node->attributes.get<float>("alpha", 1) == 1 &&
                         node->attributes.get<float>("beta", 1) == 1 &&
                         node->attributes.integer("transA", 0) == 0;
      if (!plain) return std::nullopt;
      return Product{node->inputs[0], node->inputs[1], node->inputs.size() > 2 ? node->inputs[2] : kAbsent,
                     node->attributes.integer("transB", 0) != 0};
    }
    ValueId added = kAbsent;
    if (is(*node, "Add")) {
      const bool first = rewrite_.constant(node->inputs[0]) != nullptr;
      added = node->inputs[first ? 0 : 1];
      const ValueId sum = node->inputs[first ? 1 : 0];
      if (!rewrite_.constant(added) || !rewrite_.read_once(sum)) return std::nullopt;
      node = rewrite_.maker(sum);
    }
    if (!node || !is(*node, "MatMul")) return std::nullopt;
    return Product{node->inputs[0], node->inputs[1], added, false};
  }

  /// The columns' constant `added` has one element for each along the last axis.
  bool along_columns(ValueId added, std::int64_t columns) const {
    if (added == kAbsent) return true;
    const Shape& shape = rewrite_.value(added).shape;
    const ValueInfo& sum = rewrite_.value(real_);
    return shape.rank() > 0 && shape.back() == columns && shape.elements() == columns && sum.shape_known &&
           shape.rank() <= sum.shape.rank();
  }

  bool product() {
    const auto found = parts();
    if (!found) return false;
    const auto left = activation(found->left);
    auto right = weights(found->right);
    if (!left || !right) return false;
    const bool turned = found->turned != right->turned;
    const ValueInfo& matrix = rewrite_.value(right->of.numbers);
    const bool constant = matrix.constant && matrix.shape.rank() == 2;
    if (!constant && (turned || found->added != kAbsent)) return false;
    Quantization& w = right->of.quantization;
    const std::int64_t columns = constant ? matrix.shape[turned ? 0 : 1] : 0;
    const std::int64_t axis = w.axis < 0 ? w.axis + 2 : w.axis;
    const auto fits = [&](std::size_t count) {
      return count == 1 || (axis == (turned ? 0 : 1) && std::cmp_equal(count, columns));
    };
    if (!fits(w.scales.size()) || !fits(w.zeros.size()) || !along_columns(found->added, columns))
      return false;
    const auto added = bias(found->added, columns, left->quantization, w);
    if (!added) return false;
    if (turned) right->of.numbers = rewrite_.add_constant(transposed(*matrix.constant));
    rewrite_.replace(added->elements() > 0 ? "QLinearGemm" : "QLinearMatMul",
                     operands(*left, right->of, *added));
    return true;
  }

  static Tensor transposed(const Tensor& matrix) {
    const std::int64_t rows = matrix.shape()[0], columns = matrix.shape()[1];
    Tensor result(matrix.dtype(), {columns, rows});
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < columns; ++j)
        result.mutable_data()[j * rows + i] = matrix.data()[i * columns + j];
    return result;
  }

  /// Operators that give numbers back as they are; of Concat all inputs are such.
  static bool moves_numbers(const Node& node) {
    constexpr std::string_view names[] = {"Concat",  "DepthToSpace", "Expand",   "Flatten",      "Gather",
                                          "MaxPool", "Reshape",      "Slice",    "SpaceToDepth", "Squeeze",
                                          "Tile",    "Transpose",    "Unsqueeze"};
    return node.op->domain.empty() && node.outputs.size() == 1 &&
           std::ranges::find(names, node.op->name) != std::end(names);
  }

  bool moves() {
    const Node* const mover = rewrite_.maker(real_);
    if (!mover || !moves_numbers(*mover) || !mover->op->kernel_for(result_.type)) return false;
    std::vector<ValueId> inputs = mover->inputs;
    const std::size_t moved = is(*mover, "Concat") ? inputs.size() : 1;
    for (std::size_t i = 0; i < moved; ++i) {
      const auto from = activation(inputs[i]);
      if (!from || !(from->quantization == result_)) return false;
      inputs[i] = from->numbers;
    }
    const Attributes attributes = mover->attributes;
    rewrite_.replace(mover->op->name, std::move(inputs), attributes);
    return true;
  }

  Rewrite& rewrite_;
  const Node& node_;
  Quantization result_;
  ValueId real_;  ///< what is quantised, before clamps that saturation does
  bool clamps_read_once_ = true;
};

std::string_view rule(Rewrite& rewrite, const Node& node) {
  if (!is(node, "QuantizeLinear")) return {};
  auto result = quantization(rewrite, node);
  if (!result || !result->one_for_all()) return {};
  return Quantizing(rewrite, node, *std::move(result)).run();
}

Changes run(Graph& graph) { return rewrite(graph, rule); }

}  // namespace

extern const Pass quantized_operators{.name = "quantised operators", .run = run};

}  // namespace dormouse::engine
