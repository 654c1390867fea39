#include "engine/formats/onnx_microsoft.h"

#include <algorithm>
#include <cmath>

#include "engine/formats/onnx_spelling.h"

namespace dormouse::engine {
namespace {

class Spelling : OnnxSpelling {
 public:
  using OnnxSpelling::OnnxSpelling;

  std::vector<OnnxNode> run();

 private:
  std::string real_input(std::size_t i) {  // input i with its scale and zero point behind it
    return part("DequantizeLinear", {input(i), input(i + 1), input(i + 2)});
  }
  void finish_quantized(const std::string& value, std::size_t scale) {
    finish("QuantizeLinear", {value, input(scale), input(scale + 1)});
  }
  Attributes without(std::initializer_list<std::string_view> names) const {
    Attributes result = attributes();
    for (const std::string_view name : names) result.erase(name);
    return result;
  }

  void quantized_binary(std::string op) {
    need(7);
    finish_quantized(part(std::move(op), {real_input(0), real_input(3)}), 6);
  }
  void quantized_unary(std::string op, Attributes attributes = {}) {
    need(4);
    finish_quantized(part(std::move(op), {real_input(0)}, std::move(attributes)), 3);
  }
  void quantized_concat();
  void quantized_mean();
  void quantized_softmax();
  void float_product(const std::string& a, const std::string& a_scale, const std::string& a_zero,
                     std::size_t b_scale, std::size_t b_zero, std::size_t bias);
  void dynamic_product();
  std::string oriented(std::size_t i, std::string_view transposed);
  void fused_product();
  void fused_gemm();
  void fused_convolution();
  void activate(const std::string& value, const std::string& activation, const std::vector<float>& given);
  std::string sum_of_inputs();
  void skip_normalisation();
  void root_mean_square(const std::string& x, std::size_t scale);
  std::string by_head(const std::string& x, std::int64_t heads);
  std::string mask(const std::string& scores);
  void attention();
  void fast_gelu();
  void quick_gelu();
};

void Spelling::quantized_concat() {
  need(5);
  Names parts;
  for (std::size_t i = 2; i + 2 < node_.inputs.size(); i += 3) parts.push_back(real_input(i));
  finish_quantized(part("Concat", parts, attributes()), 0);
}

void Spelling::quantized_mean() {
  need(4);
  const std::vector<std::int64_t> axes = attributes().integers("axes");
  const Shape shape{static_cast<std::int64_t>(axes.size())};
  const std::string list = constant(Tensor::from<std::int64_t>(shape, std::span<const std::int64_t>(axes)));
  finish_quantized(part("ReduceMean", {real_input(0), list}, without({"axes"})), 3);
}

void Spelling::quantized_softmax() {
  if (attributes().integer("opset", 0) < 13) unsupported("Softmax as it was before opset 13");
  quantized_unary("Softmax", without({"opset"}));
}

// The product of 8-bit matrices as a floating one: exact sums times both scales, and a bias.
void Spelling::float_product(const std::string& a, const std::string& a_scale, const std::string& a_zero,
                             std::size_t b_scale, std::size_t b_zero, std::size_t bias) {
  const std::string sums = part("MatMulInteger", {a, input(1), a_zero, input(b_zero)});
  const std::string factor = part("Mul", {a_scale, input(b_scale)});
  const std::string real = part("CastLike", {sums, factor});
  if (!given(bias)) return finish("Mul", {real, factor});
  finish("Add", {part("Mul", {real, factor}), input(bias)});
}

void Spelling::dynamic_product() {
  need(3);
  const std::string name = node_.outputs[0] + "::" + node_.op_type;
  const Names a{name + ".a", name + ".scale", name + ".zero_point"};
  part("DynamicQuantizeLinear", {input(0)}, {}, a);
  float_product(a[0], a[1], a[2], 2, 3, 4);
}

// Input i with its last two dimensions swapped when the attribute says so.
std::string Spelling::oriented(std::size_t i, std::string_view transposed) {
  if (attributes().integer(transposed, 0) == 0) return input(i);
  const ValueInfo* const value = look_up_(input(i));
  if (value == nullptr || !value->shape_known)
    unsupported(std::string(transposed) + " of a matrix of unknown rank");
  const std::size_t rank = value->shape.rank();
  if (rank < 2) return input(i);
  std::vector<std::int64_t> order;
  for (std::size_t d = 0; d < rank; ++d) order.push_back(static_cast<std::int64_t>(d));
  std::swap(order[rank - 2], order[rank - 1]);
  return part("Transpose", {input(i)}, {{"perm", order}});
}

void Spelling::fused_product() {
  need(2);
  refuse_flag("transBatchA");
  refuse_flag("transBatchB");
  const Names matrices{oriented(0, "transA"), oriented(1, "transB")};
  const float alpha = real("alpha", 1);
  if (alpha == 1) return finish("MatMul", matrices);
  const std::string product = part("MatMul", matrices);
  finish("Mul", {product, number(alpha, product)});
}

void Spelling::activate(const std::string& value, const std::string& activation,
                        const std::vector<float>& given) {
  const auto parameter = [&](std::size_t i, float fallback) {
    return i < given.size() ? given[i] : fallback;
  };
  if (activation.empty()) return finish("Identity", {value});
  if (activation == "Relu" || activation == "Tanh" || activation == "Sigmoid")
    return finish(activation, {value});
  if (activation == "LeakyRelu") return finish(activation, {value}, {{"alpha", parameter(0, 0.01f)}});
  if (activation == "HardSigmoid")
    return finish(activation, {value}, {{"alpha", parameter(0, 0.2f)}, {"beta", parameter(1, 0.5f)}});
  if (activation == "Clip" && given.size() == 2)
    return finish(activation, {value, number(given[0], value), number(given[1], value)});
  unsupported("activation " + activation);
}

void Spelling::fused_gemm() {
  const std::string product =
      part("Gemm", node_.inputs,
           without({"activation", "activation_alpha", "activation_beta", "activation_gamma"}));
  std::vector<float> parameters;
  for (const auto* name : {"activation_alpha", "activation_beta"})
    if (const float* const value = attributes().find<float>(name)) parameters.push_back(*value);
  activate(product, attributes().get<std::string>("activation", ""), parameters);
}

void Spelling::fused_convolution() {
  need(2);
  std::string y = part("Conv", given(2) ? Names{input(0), input(1), input(2)} : Names{input(0), input(1)},
                       without({"activation", "activation_params"}));
  if (given(3)) y = part("Add", {y, input(3)});
  activate(y, attributes().get<std::string>("activation", ""),
           attributes().get<std::vector<float>>("activation_params", {}));
}

// input + skip + bias; output 3 shows it.
std::string Spelling::sum_of_inputs() {
  const bool simplified = node_.op_type == "SkipSimplifiedLayerNormalization";
  const std::size_t bias = simplified ? 3 : 4;
  std::string sum = part("Add", {input(0), input(1)});
  if (given(bias)) sum = part("Add", {sum, input(bias)});
  if (!output(3).empty()) part("Identity", {sum}, {}, {output(3)});
  return sum;
}

void Spelling::skip_normalisation() {
  need(3);
  Names inputs{sum_of_inputs(), input(2)};
  if (given(3)) inputs.push_back(input(3));
  part("LayerNormalization", inputs, {{"axis", std::int64_t{-1}}, {"epsilon", real("epsilon", 1e-12f)}},
       Names{output(0), output(1), output(2)});
}

void Spelling::root_mean_square(const std::string& x, std::size_t scale) {
  if (!output(1).empty() || !output(2).empty()) unsupported("its statistics as outputs");
  if (attributes().integer("axis", -1) != -1) unsupported("an axis other than the last");
  finish("RMSNormalization", {x, input(scale)},
         {{"axis", std::int64_t{-1}}, {"epsilon", real("epsilon", 1e-5f)}});
}

// [batch, length, heads · width] as [batch, heads, length, width].
std::string Spelling::by_head(const std::string& x, std::int64_t heads) {
  const std::string apart =
      part("Reshape", {x, constant(Tensor::from<std::int64_t>({4}, {0, 0, heads, -1}))});
  return part("Transpose", {apart}, {{"perm", std::vector<std::int64_t>{0, 2, 1, 3}}});
}

// `scores` with mask_filter_value added where input 3, [batch, length], is 0.
std::string Spelling::mask(const std::string& scores) {
  const std::string flags = part("CastLike", {input(3), scores});
  const std::string rows = part("Unsqueeze", {flags, constant(Tensor::from<std::int64_t>({2}, {1, 2}))});
  const std::string missing = part("Sub", {number(1, scores), rows});
  return part("Add", {scores, part("Mul", {missing, number(real("mask_filter_value", -10000.0f), scores)})});
}

// Self-attention over [batch, length, in] with weights [in, 3 · hidden] of queries, keys and values.
void Spelling::attention() {
  need(2);
  for (const auto* name : {"unidirectional", "do_rotary", "past_present_share_buffer"}) refuse_flag(name);
  if (attributes().has("qkv_hidden_sizes")) unsupported("qkv_hidden_sizes");
  for (std::size_t i = 4; i < node_.inputs.size(); ++i)
    if (given(i)) unsupported("a past state or a bias of the scores");
  if (!output(1).empty()) unsupported("the present state as an output");
  const ValueInfo* const weights = look_up_(input(1));
  const ValueInfo* const flags = given(3) ? look_up_(input(3)) : nullptr;
  const std::int64_t heads = attributes().integer("num_heads", 0);
  if (!weights || !weights->shape_known || weights->shape.rank() != 2 || heads < 1 || weights->shape[1] < 1 ||
      weights->shape[1] / 3 % heads != 0 || weights->shape[1] % 3 != 0)
    throw Failure(Errc::invalid, node_.where + ": the weights are not [in, 3 · num_heads · width]");
  if (given(3) && (!flags || !flags->shape_known || flags->shape.rank() != 2))
    unsupported("a mask other than [batch, length]");
  const std::int64_t hidden = weights->shape[1] / 3;
  std::string projected = part("MatMul", {input(0), input(1)});
  if (given(2)) projected = part("Add", {projected, input(2)});
  const std::string name = node_.outputs[0] + "::" + node_.op_type;
  const Names qkv{name + ".q", name + ".k", name + ".v"};
  part("Split", {projected, constant(Tensor::from<std::int64_t>({3}, {hidden, hidden, hidden}))},
       {{"axis", std::int64_t{-1}}}, qkv);
  const std::string keys =
      part("Transpose", {by_head(qkv[1], heads)}, {{"perm", std::vector<std::int64_t>{0, 1, 3, 2}}});
  const std::string product = part("MatMul", {by_head(qkv[0], heads), keys});
  const float scale = real("scale", 0);
  const float usual = 1 / std::sqrt(static_cast<float>(hidden / heads));
  std::string scores = part("Mul", {product, number(scale != 0 ? scale : usual, product)});
  if (given(3)) scores = mask(scores);
  const std::string shares = part("Softmax", {scores}, {{"axis", std::int64_t{-1}}});
  const std::string mixed = part("MatMul", {shares, by_head(qkv[2], heads)});
  const std::string together = part("Transpose", {mixed}, {{"perm", std::vector<std::int64_t>{0, 2, 1, 3}}});
  finish("Reshape", {together, constant(Tensor::from<std::int64_t>({3}, {0, 0, hidden}))});
}

void Spelling::fast_gelu() {
  const std::string x = given(1) ? part("Add", {input(0), input(1)}) : input(0);
  finish("Gelu", {x}, {{"approximate", std::string("tanh")}});
}

void Spelling::quick_gelu() {
  const std::string scaled = part("Mul", {input(0), number(real("alpha", 1.702f), input(0))});
  finish("Mul", {input(0), part("Sigmoid", {scaled})});
}

std::vector<OnnxNode> Spelling::run() {
  using Way = void (*)(Spelling&);
  static const std::map<std::string, Way, std::less<>> ways{
      {"Attention", [](Spelling& s) { s.attention(); }},
      {"BiasGelu",
       [](Spelling& s) {
         s.need(2);
         s.finish("Gelu", {s.part("Add", {s.input(0), s.input(1)})});
       }},
      {"DequantizeLinear", [](Spelling& s) { s.finish("DequantizeLinear", s.node_.inputs, s.attributes()); }},
      {"DynamicQuantizeMatMul", [](Spelling& s) { s.dynamic_product(); }},
      {"FastGelu", [](Spelling& s) { s.fast_gelu(); }},
      {"FusedConv", [](Spelling& s) { s.fused_convolution(); }},
      {"FusedGemm", [](Spelling& s) { s.fused_gemm(); }},
      {"FusedMatMul", [](Spelling& s) { s.fused_product(); }},
      {"Gelu", [](Spelling& s) { s.finish("Gelu", {s.input(0)}); }},
      {"MatMulIntegerToFloat",
       [](Spelling& s) {
         s.need(4);
         s.float_product(s.input(0), s.input(2), s.input(4), 3, 5, 6);
       }},
      {"QLinearAdd", [](Spelling& s) { s.quantized_binary("Add"); }},
      {"QLinearAveragePool",
       [](Spelling& s) {
         s.refuse_flag("channels_last");
         s.quantized_unary("AveragePool", s.without({"channels_last"}));
       }},
      {"QLinearConcat", [](Spelling& s) { s.quantized_concat(); }},
      {"QLinearGlobalAveragePool",
       [](Spelling& s) {
         s.refuse_flag("channels_last");
         s.quantized_unary("GlobalAveragePool");
       }},
      {"QLinearLeakyRelu", [](Spelling& s) { s.quantized_unary("LeakyRelu", s.attributes()); }},
      {"QLinearMul", [](Spelling& s) { s.quantized_binary("Mul"); }},
      {"QLinearReduceMean", [](Spelling& s) { s.quantized_mean(); }},
      {"QLinearSigmoid", [](Spelling& s) { s.quantized_unary("Sigmoid"); }},
      {"QLinearSoftmax", [](Spelling& s) { s.quantized_softmax(); }},
      {"QuantizeLinear", [](Spelling& s) { s.finish("QuantizeLinear", s.node_.inputs, s.attributes()); }},
      {"QuickGelu", [](Spelling& s) { s.quick_gelu(); }},
      {"SimplifiedLayerNormalization",
       [](Spelling& s) {
         s.need(2);
         s.root_mean_square(s.input(0), 1);
       }},
      {"SkipLayerNormalization", [](Spelling& s) { s.skip_normalisation(); }},
      {"SkipSimplifiedLayerNormalization", [](Spelling& s) {
         s.need(3);
         s.root_mean_square(s.sum_of_inputs(), 2);
       }}};
  const auto way = ways.find(node_.op_type);
  if (way == ways.end() || node_.outputs.empty()) return {std::move(node_)};
  need(1);
  way->second(*this);
  return std::move(parts_);
}

}  // namespace

std::vector<OnnxNode> spell_out(OnnxNode node, const LookUp& look_up) {
  return Spelling(std::move(node), look_up).run();
}

}  // namespace dormouse::engine
