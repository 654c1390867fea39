#include "tests/bench/operators/cases.h"

#include <cmath>
#include <random>

#include "engine/op.h"

namespace dormouse::bench {
namespace {

using engine::Attributes;
using engine::DType;
using engine::Shape;
using engine::Tensor;
using Integers = std::vector<std::int64_t>;
using Cases = std::vector<OperatorCase>;

const Shape kImage{1, 64, 56, 56};
const Shape kTokens{1, 128, 384};

Operand input(Shape shape, double low = -2, double high = 2) {
  return {DType::f32, std::move(shape), low, high};
}
Operand input(DType type, Shape shape, double low, double high) {
  return {type, std::move(shape), low, high};
}
Operand weight(Shape shape, double low = -0.2, double high = 0.2) {
  return {DType::f32, std::move(shape), low, high, true};
}
Operand weight(DType type, Shape shape, double low, double high) {
  return {type, std::move(shape), low, high, true};
}
Operand fixed(Tensor value) { return {value.dtype(), value.shape(), 0, 0, true, std::move(value)}; }
Operand list(const Integers& values) {
  Tensor tensor(DType::i64, {static_cast<std::int64_t>(values.size())});
  std::ranges::copy(values, tensor.mutable_values<std::int64_t>().begin());
  return fixed(std::move(tensor));
}
template <class T>
Operand scalar(DType type, T value) {
  Tensor tensor(type, {});
  tensor.mutable_values<T>()[0] = value;
  return fixed(std::move(tensor));
}
Operand scale(float value) { return scalar<float>(DType::f32, value); }
Operand zero_point(std::uint8_t value) { return scalar<std::uint8_t>(DType::u8, value); }
Operand absent() { return {.shape = {0}, .constant = true}; }

void add_elementwise(Cases& cases) {
  for (const char* name :
       {"Abs",  "Asinh", "Atan",     "Ceil",        "Celu",      "Cos",    "Cosh",           "Elu",
        "Erf",  "Exp",   "Floor",    "HardSigmoid", "HardSwish", "IsInf",  "IsNaN",          "LeakyRelu",
        "Mish", "Neg",   "Relu",     "Round",       "Selu",      "Shrink", "Sigmoid",        "Sign",
        "Sin",  "Sinh",  "Softplus", "Softsign",    "Tan",       "Tanh",   "ThresholdedRelu"})
    cases.push_back({"", name, {input(kImage)}});
  for (const char* name : {"Acos", "Asin", "Atanh"}) cases.push_back({"", name, {input(kImage, -0.9, 0.9)}});
  for (const char* name : {"Acosh", "Log", "Reciprocal", "Sqrt"})
    cases.push_back({"", name, {input(kImage, 1, 4)}});
  cases.push_back({"", "Clip", {input(kImage), scale(-1), scale(1)}});
  cases.push_back({"", "Not", {input(DType::boolean, kImage, 0, 1.99)}});
  cases.push_back({"to i32", "Cast", {input(kImage)}, {{"to", std::int64_t{6}}}});
  cases.push_back({"to f16", "Cast", {input(kImage)}, {{"to", std::int64_t{10}}}});

  for (const char* name :
       {"Add", "Sub", "Mul", "Div", "Max", "Min", "Mean", "Sum", "Greater", "Less", "Equal"})
    cases.push_back({"", name, {input(kImage), input(kImage, 1, 3)}});
  for (const char* name : {"Add", "Mul", "Div", "Greater", "Max", "PRelu"})
    cases.push_back({"by channel", name, {input(kImage), weight({64, 1, 1}, 0.5, 1)}});
  for (const char* name : {"And", "Or", "Xor"})
    cases.push_back(
        {"", name, {input(DType::boolean, kImage, 0, 1.99), input(DType::boolean, kImage, 0, 1.99)}});
  cases.push_back({"", "Pow", {input(kImage, 0.1, 2), input(kImage, 0.1, 2)}});
  cases.push_back({"squared", "Pow", {input(kImage), scale(2)}});
  cases.push_back({"", "Mod", {input(kImage), input(kImage, 1, 3)}, {{"fmod", std::int64_t{1}}}});
  cases.push_back({"i64", "Add", {input(DType::i64, kImage, -9, 9), input(DType::i64, kImage, -9, 9)}});
  cases.push_back({"", "Where", {input(DType::boolean, kImage, 0, 1.99), input(kImage), input(kImage)}});
}

void add_reductions(Cases& cases) {
  for (const char* name : {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax",
                           "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"}) {
    cases.push_back({"of planes", name, {input(kImage, 0.5, 1.5), list({2, 3})}});
    cases.push_back({"of channels", name, {input(kImage, 0.5, 1.5), list({1})}});
  }
  for (const char* name : {"ArgMax", "ArgMin"}) {
    cases.push_back({"of channels", name, {input(kImage)}, {{"axis", std::int64_t{1}}}});
    cases.push_back({"of rows", name, {input(kTokens)}, {{"axis", std::int64_t{-1}}}});
  }
  for (const char* name : {"Softmax", "LogSoftmax", "Hardmax"}) {
    cases.push_back({"of rows", name, {input(kTokens)}, {{"axis", std::int64_t{-1}}}});
    cases.push_back({"of channels", name, {input(kImage)}, {{"axis", std::int64_t{1}}}});
  }
  cases.push_back({"", "CumSum", {input(kTokens), scalar<std::int64_t>(DType::i64, 1)}});
  cases.push_back({"", "TopK", {input({1, 8400}), list({100})}, {{"axis", std::int64_t{-1}}}, 2});
}

void add_normalisations(Cases& cases) {
  cases.push_back({"", "LayerNormalization", {input(kTokens), weight({384}), weight({384})}});
  cases.push_back({"", "InstanceNormalization", {input(kImage), weight({64}), weight({64})}});
  cases.push_back({"",
                   "BatchNormalization",
                   {input(kImage), weight({64}), weight({64}), weight({64}), weight({64}, 0.5, 1)}});
  cases.push_back({"", "LRN", {input(kImage)}, {{"size", std::int64_t{5}}}});
  cases.push_back({"of channels", "LpNormalization", {input(kImage)}, {{"axis", std::int64_t{1}}}});
  cases.push_back({"", "MeanVarianceNormalization", {input(kImage)}});
}

void add_convolutions(Cases& cases) {
  const Attributes same{{"pads", Integers{1, 1, 1, 1}}};
  Attributes depthwise = same, grouped = same, strided = same, dilated{{"pads", Integers{2, 2, 2, 2}}};
  depthwise.set("group", std::int64_t{64});
  grouped.set("group", std::int64_t{4});
  strided.set("strides", Integers{2, 2});
  dilated.set("dilations", Integers{2, 2});
  cases.push_back({"3 x 3", "Conv", {input(kImage), weight({64, 64, 3, 3}), weight({64})}, same});
  cases.push_back({"1 x 1", "Conv", {input(kImage), weight({128, 64, 1, 1}), weight({128})}});
  cases.push_back({"strided", "Conv", {input(kImage), weight({64, 64, 3, 3}), weight({64})}, strided});
  cases.push_back({"depthwise", "Conv", {input(kImage), weight({64, 1, 3, 3}), weight({64})}, depthwise});
  cases.push_back({"grouped", "Conv", {input(kImage), weight({64, 16, 3, 3}), weight({64})}, grouped});
  cases.push_back({"dilated", "Conv", {input(kImage), weight({64, 64, 3, 3}), weight({64})}, dilated});
  cases.push_back({"of a signal", "Conv", {input({1, 6, 1024}), weight({64, 6, 9}), weight({64})}});
  cases.push_back(
      {"of a volume", "Conv", {input({1, 16, 16, 28, 28}), weight({16, 16, 3, 3, 3}), weight({16})}});
  cases.push_back({"",
                   "ConvTranspose",
                   {input({1, 64, 28, 28}), weight({64, 32, 2, 2}), weight({32})},
                   {{"strides", Integers{2, 2}}}});
  const Attributes two{{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}};
  Attributes three{
      {"kernel_shape", Integers{3, 3}}, {"strides", Integers{2, 2}}, {"ceil_mode", std::int64_t{1}}};
  for (const char* name : {"MaxPool", "AveragePool", "LpPool"})
    cases.push_back({"", name, {input(kImage)}, two});
  for (const char* name : {"MaxPool", "AveragePool"}) cases.push_back({"ceil", name, {input(kImage)}, three});
  for (const char* name : {"GlobalAveragePool", "GlobalMaxPool"})
    cases.push_back({"", name, {input(kImage)}});
}

void add_products(Cases& cases) {
  cases.push_back({"by weights", "MatMul", {input(kTokens), weight({384, 384})}});
  cases.push_back({"one row", "MatMul", {input({1, 384}), weight({384, 1536})}});
  cases.push_back({"batched", "MatMul", {input({1, 12, 128, 32}), input({1, 12, 32, 128})}});
  cases.push_back({"", "Gemm", {input({128, 384}), weight({384, 384}), weight({384})}});
  cases.push_back({"transposed",
                   "Gemm",
                   {input({384, 128}), weight({384, 384}), weight({384})},
                   {{"transA", std::int64_t{1}}, {"transB", std::int64_t{1}}}});
  cases.push_back({"",
                   "Einsum",
                   {input({1, 12, 128, 32}), input({1, 12, 128, 32})},
                   {{"equation", std::string("bhid,bhjd->bhij")}}});
  for (const auto& [name, gates] : {std::pair<const char*, std::int64_t>{"LSTM", 4}, {"GRU", 3}, {"RNN", 1}})
    for (const std::int64_t batch : {1, 8})
      cases.push_back({"batch " + std::to_string(batch),
                       name,
                       {input({32, batch, 64}, -1, 1), weight({1, gates * 128, 64}),
                        weight({1, gates * 128, 128}), weight({1, 2 * gates * 128})},
                       {{"hidden_size", std::int64_t{128}}}});
}

void add_quantised(Cases& cases) {
  const Operand bytes = input(DType::u8, kImage, 0, 255),
                weights = weight(DType::i8, {64, 64, 3, 3}, -127, 127);
  const Attributes same{{"pads", Integers{1, 1, 1, 1}}};
  const Operand no_shift = scalar<std::int8_t>(DType::i8, 0);
  cases.push_back({"", "QuantizeLinear", {input(kImage), scale(0.02F), zero_point(128)}});
  cases.push_back({"", "DequantizeLinear", {bytes, scale(0.02F), zero_point(128)}});
  cases.push_back({"", "DynamicQuantizeLinear", {input(kImage)}, {}, 3});
  cases.push_back(
      {"",
       "MatMulInteger",
       {input(DType::u8, {128, 384}, 0, 255), weight(DType::i8, {384, 384}, -127, 127), zero_point(128)}});
  cases.push_back(
      {"",
       "QLinearMatMul",
       {input(DType::u8, {128, 384}, 0, 255), scale(0.02F), zero_point(128),
        weight(DType::i8, {384, 384}, -127, 127), scale(0.01F), no_shift, scale(0.5F), zero_point(128)}});
  cases.push_back({"", "ConvInteger", {bytes, weights, zero_point(128)}, same});
  cases.push_back(
      {"",
       "QLinearConv",
       {bytes, scale(0.02F), zero_point(128), weights, scale(0.01F), no_shift, scale(0.5F), zero_point(128)},
       same});
}

void add_movements(Cases& cases) {
  const Operand rows = input(DType::i64, {128}, 0, 999), points = input(DType::i64, {4096, 2}, 0, 63);
  cases.push_back({"to channels last", "Transpose", {input(kImage)}, {{"perm", Integers{0, 2, 3, 1}}}});
  cases.push_back({"of heads", "Transpose", {input({1, 128, 12, 32})}, {{"perm", Integers{0, 2, 1, 3}}}});
  cases.push_back({"of channels", "Concat", {input(kImage), input(kImage)}, {{"axis", std::int64_t{1}}}});
  cases.push_back({"of rows", "Concat", {input(kImage), input(kImage)}, {{"axis", std::int64_t{-1}}}});
  cases.push_back({"", "Split", {input(kImage), list({32, 32})}, {{"axis", std::int64_t{1}}}, 2});
  cases.push_back({"", "Slice", {input(kImage), list({0}), list({56}), list({3}), list({2})}});
  cases.push_back({"zeros", "Pad", {input(kImage), list({0, 0, 1, 1, 0, 0, 1, 1})}});
  cases.push_back({"reflected",
                   "Pad",
                   {input(kImage), list({0, 0, 1, 1, 0, 0, 1, 1})},
                   {{"mode", std::string("reflect")}}});
  cases.push_back({"", "Tile", {input({1, 64, 28, 28}), list({1, 1, 2, 2})}});
  cases.push_back({"", "Expand", {input({1, 64, 56, 1}), list({1, 64, 56, 56})}});
  cases.push_back({"rows", "Gather", {weight({1000, 384}), rows}});
  cases.push_back({"columns", "Gather", {input({128, 1000}), rows}, {{"axis", std::int64_t{1}}}});
  cases.push_back({"",
                   "GatherElements",
                   {input({64, 1000}), input(DType::i64, {64, 500}, 0, 999)},
                   {{"axis", std::int64_t{1}}}});
  cases.push_back({"", "GatherND", {input({64, 64, 8}), points}});
  cases.push_back({"",
                   "ScatterElements",
                   {input({64, 1000}), input(DType::i64, {64, 500}, 0, 999), input({64, 500})},
                   {{"axis", std::int64_t{1}}}});
  cases.push_back({"", "ScatterND", {input({64, 64, 8}), points, input({4096, 8})}});
  Tensor off_on(DType::f32, {2});
  off_on.mutable_values<float>()[1] = 1;
  cases.push_back({"", "OneHot", {rows, scalar<std::int64_t>(DType::i64, 1000), fixed(off_on)}});
  cases.push_back({"", "NonZero", {input(DType::boolean, {256, 256}, 0, 1.99)}});
  cases.push_back({"",
                   "Compress",
                   {input({1024, 64}), input(DType::boolean, {1024}, 0, 1.99)},
                   {{"axis", std::int64_t{0}}}});
  cases.push_back({"", "Trilu", {input({12, 128, 128})}});
  cases.push_back({"", "ReverseSequence", {input({32, 8, 64}), input(DType::i64, {8}, 1, 32)}});
  for (const char* name : {"DepthToSpace", "SpaceToDepth"})
    cases.push_back({"", name, {input(kImage)}, {{"blocksize", std::int64_t{2}}}});
}

void add_images(Cases& cases) {
  Tensor twice(DType::f32, {4});
  for (std::size_t i = 0; i < 4; ++i) twice.mutable_values<float>()[i] = i < 2 ? 1.F : 2.F;
  for (const char* mode : {"nearest", "linear", "cubic"})
    cases.push_back(
        {mode, "Resize", {input({1, 64, 28, 28}), absent(), fixed(twice)}, {{"mode", std::string(mode)}}});
  cases.push_back({"", "GridSample", {input({1, 32, 56, 56}), input({1, 56, 56, 2}, -1, 1)}});
  cases.push_back({"",
                   "RoiAlign",
                   {input({1, 64, 56, 56}), input({32, 4}, 0, 50), input(DType::i64, {32}, 0, 0)},
                   {{"output_height", std::int64_t{7}},
                    {"output_width", std::int64_t{7}},
                    {"sampling_ratio", std::int64_t{2}}}});
  cases.push_back({"",
                   "NonMaxSuppression",
                   {input({1, 1000, 4}, 0, 1), input({1, 1, 1000}, 0, 1),
                    scalar<std::int64_t>(DType::i64, 100), scale(0.5F), scale(0.1F)}});
  cases.push_back({"", "DFT", {input({8, 512, 1})}, {{"onesided", std::int64_t{1}}}});
}

Tensor drawn(const Operand& operand, std::mt19937_64& random) {
  if (operand.value) return *operand.value;
  Tensor values(DType::f32, operand.shape);
  std::uniform_real_distribution<double> uniform(operand.low, operand.high);
  for (float& value : values.mutable_values<float>()) {
    const double number = uniform(random);
    value = static_cast<float>(operand.type == DType::f32 ? number : std::floor(number));
  }
  return values.as(operand.type);
}

}  // namespace

std::vector<OperatorCase> operator_cases() {
  Cases cases;
  for (const auto add : {add_elementwise, add_reductions, add_normalisations, add_convolutions, add_products,
                         add_quantised, add_movements, add_images})
    add(cases);
  return cases;
}

OneNode one_node(const OperatorCase& entry) {
  OneNode model;
  std::mt19937_64 random(1);
  std::vector<engine::ValueId> operands;
  for (const Operand& operand : entry.operands) {
    if (operand.shape.elements() == 0) {
      operands.push_back(engine::kAbsent);
      continue;
    }
    const std::string name = "x" + std::to_string(operands.size());
    Tensor values = drawn(operand, random);
    if (operand.constant) {
      operands.push_back(model.graph.add_constant(name, std::move(values)));
    } else {
      operands.push_back(model.graph.add_input(name, operand.type, operand.shape));
      model.inputs.push_back(std::move(values));
    }
  }
  const auto outputs = model.graph.add_node(*engine::find_op("", entry.name), operands, entry.attributes,
                                            std::vector<std::string>(entry.outputs));
  for (const engine::ValueId output : outputs) model.graph.mark_output(output);
  return model;
}

}  // namespace dormouse::bench
