// Quantised operators and graphs on XNNPACK, which may round one step otherwise than ONNX does.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "drivers/all_drivers.h"
#include "drivers/xnnpack/driver.h"
#include "drivers/xnnpack/quantized_groups.h"
#include "engine/interpreter.h"
#include "engine/op.h"
#include "engine/session.h"
#include "engine/value.h"
#include "tests/conformance/sample_graph.h"
#include "tests/drivers/on_driver.h"

namespace dormouse::drivers {
namespace {

using namespace engine;
using conformance::as_doubles;
using conformance::draw;
using xnnpack::XnnpackDriver;
using Integers = std::vector<std::int64_t>;

constexpr unsigned kSeed = 21;

/// Every kind of quantised activations and weights.
struct Kind {
  DType activation, weight;
  bool per_channel;
};
constexpr Kind kKinds[] = {{DType::u8, DType::i8, true},
                           {DType::u8, DType::u8, false},
                           {DType::i8, DType::i8, true},
                           {DType::i8, DType::i8, false}};

/// A graph under construction with its seeded numbers.
struct Net {
  explicit Net(Kind k) : kind(k) {}

  Value scalar(float value) { return constant(graph, Tensor::scalar(value)); }
  Value zero(DType type, std::int64_t value) {
    return type == DType::u8 ? constant(graph, Tensor::scalar(static_cast<std::uint8_t>(value + 128)))
                             : constant(graph, Tensor::scalar(static_cast<std::int8_t>(value)));
  }
  Value quantize(Value x, float scale, std::int64_t zero_point) {
    return apply("QuantizeLinear", {x, scalar(scale), zero(kind.activation, zero_point)});
  }
  Value dequantize(Value q, float scale, std::int64_t zero_point) {
    return apply("DequantizeLinear", {q, scalar(scale), zero(kind.activation, zero_point)});
  }
  /// Numbers of a filter or matrix in [-100, 100], u8 ones around 128; and a scale for each slice.
  Value weights(const Shape& shape) {
    Tensor drawn = draw(DType::f32, shape, -100, 100, random);
    if (kind.weight == DType::u8)
      for (float& value : drawn.mutable_values<float>()) value += 128;
    return constant(graph, drawn.as(kind.weight));
  }
  Value weight_scales(std::int64_t count) {
    return kind.per_channel ? constant(graph, draw(DType::f32, {count}, 0.001, 0.01, random))
                            : scalar(0.004f);
  }
  Value bias(std::int64_t count) {
    return constant(graph, draw(DType::f32, {count}, -3000, 3000, random).as(DType::i32));
  }

  Graph graph;
  Kind kind;
  std::mt19937 random{kSeed};
};

/// The largest difference between 8-bit tensors.
double steps_apart(const Tensor& a, const Tensor& b) {
  const auto left = as_doubles(a), right = as_doubles(b);
  REQUIRE(left.size() == right.size());
  double most = 0;
  for (std::size_t i = 0; i < left.size(); ++i) most = std::max(most, std::abs(left[i] - right[i]));
  return most;
}

/// Whether the numbers differ among themselves: a saturated result would hide what is wrong.
bool varied(const Tensor& tensor) {
  const auto values = as_doubles(tensor);
  return std::ranges::max(values) - std::ranges::min(values) > 50;
}

void check_on_driver(const Net& net, const std::vector<Tensor>& inputs, double steps = 1) {
  const XnnpackDriver driver;
  REQUIRE(takes(driver, net.graph));
  const auto actual = run_on(driver, net.graph, inputs), expected = interpret(net.graph, inputs);
  for (std::size_t i = 0; i < actual.size(); ++i) {
    CHECK(varied(expected[i]));
    CHECK(steps_apart(actual[i], expected[i]) <= steps);
  }
}

template <class Check>
void each_kind(Check check) {
  for (const Kind kind : kKinds) {
    INFO("activations " << word(kind.activation) << ", weights " << word(kind.weight)
                        << (kind.per_channel ? " per channel" : "") << ", seed " << kSeed);
    check(Net(kind));
  }
}

/// The least and the largest number of an 8-bit type.
std::pair<double, double> range_of(DType type) {
  return type == DType::u8 ? std::pair(0.0, 255.0) : std::pair(-128.0, 127.0);
}

struct Filter {
  Shape image, filter;
  Attributes attributes;
};

struct Scales {
  Value input, weights, output;
};

/// A graph that convolves an image.
void convolve(Net& net, const Filter& filter, const Scales& scales, bool biased) {
  const Value x{&net.graph, net.graph.add_input("x", net.kind.activation, filter.image)};
  std::vector<ValueId> inputs;
  for (const Value value :
       {x, scales.input, net.zero(net.kind.activation, -7), net.weights(filter.filter), scales.weights,
        net.zero(net.kind.weight, 0), scales.output, net.zero(net.kind.activation, 11)})
    inputs.push_back(value.id);
  if (biased) inputs.push_back(net.bias(filter.filter[0]).id);
  net.graph.set_outputs(net.graph.add_node(*find_op("", "QLinearConv"), inputs, filter.attributes));
}

TEST_CASE("XNNPACK computes QLinearConv within one step", "[xnnpack]") {
  const Filter filters[] = {
      {{2, 3, 9, 11}, {8, 3, 3, 3}, {{"pads", Integers{1, 0, 2, 1}}, {"strides", Integers{2, 1}}}},
      {{1, 6, 7, 7}, {6, 1, 3, 3}, {{"group", std::int64_t{6}}, {"pads", Integers{1, 1, 1, 1}}}},
      {{1, 8, 5, 5}, {4, 4, 1, 1}, {{"group", std::int64_t{2}}}},
      {{1, 3, 40, 19}, {20, 3, 3, 3}, {{"pads", Integers{1, 1, 1, 1}}}},
      {{1, 6, 40, 9}, {6, 1, 3, 3}, {{"group", std::int64_t{6}}, {"pads", Integers{1, 1, 1, 1}}}},
      {{2, 4, 20}, {6, 4, 5}, {}}};
  for (const Filter& filter : filters)
    for (const bool biased : {false, true})
      each_kind([&](Net net) {
        INFO(to_string(filter.filter) << (biased ? " with a bias" : ""));
        const Value weights = net.weight_scales(filter.filter[0]);
        convolve(net, filter, {net.scalar(0.02f), weights, net.scalar(0.025f)}, biased);
        check_on_driver(net, {draw(DType::f32, filter.image, 0, 120, net.random).as(net.kind.activation)});
      });
}

/// Convolves with scales that are powers of two, of which `factor` is the one from sums to results, so that
/// nothing is rounded on the way: what differs at all was summed wrongly.
void check_sums(const Filter& filter, float factor) {
  each_kind([&](Net net) {
    INFO(to_string(filter.image) << " by " << to_string(filter.filter));
    Tensor scales = net.kind.per_channel ? Tensor(DType::f32, {filter.filter[0]}) : Tensor::scalar(factor);
    float next = factor;
    for (float& scale : scales.mutable_values<float>()) {
      scale = next;
      next = next == factor ? factor / 2 : factor;
    }
    convolve(net, filter, {net.scalar(0x1p-4f), constant(net.graph, scales), net.scalar(0x1p-4f)}, true);
    const auto [least, most] = range_of(net.kind.activation);
    check_on_driver(net, {draw(DType::f32, filter.image, least, most, net.random).as(net.kind.activation)},
                    0);
  });
}

TEST_CASE("sums of quantised depthwise convolutions are exact", "[xnnpack]") {
  const auto [channels, height, width, rows, columns, stride, dilation] = GENERATE(
      table<std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t>(
          {{1, 5, 5, 3, 3, 1, 1},
           {31, 6, 7, 3, 3, 1, 1},
           {32, 1, 1, 3, 3, 1, 1},
           {33, 9, 4, 3, 3, 2, 1},
           {64, 5, 6, 3, 3, 2, 1},
           {80, 10, 11, 3, 3, 3, 1},
           {100, 8, 8, 3, 3, 1, 2},
           {40, 7, 7, 2, 2, 1, 1},
           {36, 7, 9, 3, 2, 1, 1},
           {50, 9, 7, 1, 7, 1, 1},
           {34, 11, 5, 8, 1, 2, 1},
           {48, 9, 9, 5, 5, 1, 1}}));
  check_sums({{2, channels, height, width},
              {channels, 1, rows, columns},
              {{"group", channels},
               {"pads", Integers{rows / 2, columns / 2, rows / 2, columns / 2}},
               {"strides", Integers{stride, stride}},
               {"dilations", Integers{dilation, dilation}}}},
             0x1p-8f);
}

TEST_CASE("sums of quantised convolutions are exact", "[xnnpack]") {
  const auto [depth, channels, height, width, kernel, stride] =
      GENERATE(table<std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t>(
          {{3, 33, 13, 12, 3, 2},
           {16, 96, 5, 7, 1, 1},
           {33, 16, 4, 4, 1, 1},
           {130, 49, 3, 3, 1, 1},
           {9, 32, 6, 6, 3, 1},
           {70, 40, 4, 3, 3, 1},
           {200, 65, 1, 1, 1, 1}}));
  check_sums({{1, depth, height, width},
              {channels, depth, kernel, kernel},
              {{"pads", Integers(4, kernel / 2)}, {"strides", Integers{stride, stride}}}},
             depth * kernel * kernel > 60 ? 0x1p-10f : 0x1p-8f);
}

TEST_CASE("XNNPACK computes quantised products within one step", "[xnnpack]") {
  for (const bool biased : {false, true})
    each_kind([&](Net net) {
      const Shape shape{2, 5, 33};
      const Value a{&net.graph, net.graph.add_input("a", net.kind.activation, shape)};
      std::vector<ValueId> inputs;
      for (const Value value : {a, net.scalar(0.02f), net.zero(net.kind.activation, 3), net.weights({33, 18}),
                                net.weight_scales(18), net.zero(net.kind.weight, 0), net.scalar(0.1f),
                                net.zero(net.kind.activation, -20)})
        inputs.push_back(value.id);
      if (biased) inputs.push_back(net.bias(18).id);
      const Op& op = biased ? *find_op("dormouse", "QLinearGemm") : *find_op("", "QLinearMatMul");
      net.graph.set_outputs(net.graph.add_node(op, inputs));
      check_on_driver(net, {draw(DType::f32, shape, 0, 120, net.random).as(net.kind.activation)});
    });
}

TEST_CASE("operators between DequantizeLinear and QuantizeLinear work on 8-bit values", "[xnnpack]") {
  using Operator = Value (*)(Net&, Value, Value);
  const Operator operators[] = {[](Net&, Value a, Value b) { return a + b; },
                                [](Net&, Value a, Value b) { return a - b; },
                                [](Net&, Value a, Value b) { return a * b; },
                                [](Net&, Value a, Value) { return sigmoid(a); },
                                [](Net&, Value a, Value) { return tanh(a); },
                                [](Net&, Value a, Value) { return relu(a); },
                                [](Net& net, Value a, Value) {
                                  return apply("Clip", {a, net.scalar(-1), net.scalar(1.5f)});
                                },
                                [](Net&, Value a, Value) {
                                  return apply("AveragePool", {a}, {{"kernel_shape", Integers{2, 3}}});
                                },
                                [](Net&, Value a, Value) {
                                  return reduce_mean(a, {2, 3}, true);
                                }};
  for (std::size_t i = 0; i < std::size(operators); ++i)
    each_kind([&](Net net) {
      INFO("operator " << i);
      const Shape shape{2, 40, 5, 6};
      const Value a{&net.graph, net.graph.add_input("a", DType::f32, shape)};
      const Value b{&net.graph, net.graph.add_input("b", DType::f32, {2, 40, 1, 1})};
      const Value x = net.dequantize(net.quantize(a, 0.02f, 5), 0.02f, 5);
      const Value y = net.dequantize(net.quantize(b, 0.03f, -5), 0.03f, -5);
      net.graph.set_outputs({net.quantize(operators[i](net, x, y), 0.01f, 20).id});
      const std::vector<Tensor> inputs{draw(DType::f32, shape, -2, 2, net.random),
                                       draw(DType::f32, {2, 40, 1, 1}, -2, 2, net.random)};
      // Inputs may land on the other side of a rounding boundary too: a step of theirs is two of the result.
      check_on_driver(net, inputs, 4);
    });
}

TEST_CASE("what stands between conversions is left without them", "[xnnpack]") {
  Net net(kKinds[0]);
  const Value x{&net.graph, net.graph.add_input("x", DType::u8, {3, 40})};
  const Value real = net.dequantize(x, 0.02f, 5);
  const Value q = net.quantize(sigmoid(real), 0.01f, 20);
  net.graph.set_outputs({net.quantize(net.dequantize(q, 0.01f, 20) + real, 0.02f, 0).id});
  Partition partition{&net.graph, {0, 1, 2, 3, 4, 5}, net.graph.inputs(), net.graph.outputs()};
  REQUIRE(net.graph.nodes().size() == 6);
  const auto operators = [&] {
    std::vector<std::string> names;
    for (const Node& node : xnnpack::quantized_nodes(partition)) names.emplace_back(node.op->name);
    return names;
  };
  CHECK(operators() == std::vector<std::string>{"Sigmoid", "Add"});
  partition.outputs.push_back(real.id);  // wanted outside as it is
  CHECK(operators() == std::vector<std::string>{"DequantizeLinear", "Sigmoid", "Add"});
}

TEST_CASE("8-bit values are moved as they are", "[xnnpack]") {
  each_kind([](Net net) {
    const Shape shape{1, 8, 6, 6};
    const Value a{&net.graph, net.graph.add_input("a", DType::f32, shape)};
    const Value q = net.quantize(a, 0.03f, 9);
    const Value pooled =
        apply("MaxPool", {q}, {{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}});
    const Value both = apply("Concat", {pooled, pooled}, {{"axis", std::int64_t{1}}});
    net.graph.set_outputs({reshape(transpose(both, {0, 2, 3, 1}), {3, 48}).id});
    check_on_driver(net, {draw(DType::f32, shape, -3, 3, net.random)});
  });
}

TEST_CASE("XNNPACK computes dynamically quantised products as near to real ones as ONNX does", "[xnnpack]") {
  const XnnpackDriver driver;
  for (const bool biased : {false, true})
    each_kind([&](Net net) {
      const Shape shape{2, 5, 40};
      const Value a{&net.graph, net.graph.add_input("a", DType::f32, shape)};
      const Value b = net.weights({40, 18}), scale = net.weight_scales(18),
                  zero = net.zero(net.kind.weight, 0);
      std::vector<ValueId> inputs{a.id, b.id, scale.id, zero.id};
      const Value bias = constant(net.graph, draw(DType::f32, {18}, -1, 1, net.random));
      if (biased) inputs.push_back(bias.id);
      const ValueId product = net.graph.add_node(*find_op("dormouse", "DynamicQuantizeMatMul"), inputs)[0];
      net.graph.set_outputs({product});
      REQUIRE(takes(driver, net.graph));
      const std::vector<Tensor> given{draw(DType::f32, shape, -1, 1, net.random)};
      const auto is = as_doubles(run_on(driver, net.graph, given)[0]);
      const auto onnx = as_doubles(interpret(net.graph, given)[0]);
      const Attributes columns{{"axis", std::int64_t{1}}};
      const Value real = net.kind.weight == DType::i8 ? apply("DequantizeLinear", {b, scale}, columns)
                                                      : apply("DequantizeLinear", {b, scale, zero}, columns);
      const Value exact = biased ? matmul(a, real) + bias : matmul(a, real);
      net.graph.set_outputs({exact.id});
      Graph whole = extract(net.graph, net.graph.inputs(), net.graph.outputs());
      const auto should = as_doubles(interpret(whole, given)[0]);
      const auto error = [&](const std::vector<double>& values) {
        double sum = 0;
        for (std::size_t i = 0; i < values.size(); ++i) sum += std::pow(values[i] - should[i], 2);
        return std::sqrt(sum);
      };
      double norm = 0;
      for (const double value : should) norm += value * value;
      CHECK(error(is) <= 1.1 * error(onnx));
      CHECK(error(is) < 0.02 * std::sqrt(norm));
    });
}

TEST_CASE("XNNPACK leaves quantised operators alone that it computes otherwise", "[xnnpack]") {
  const XnnpackDriver driver;
  const auto product = [&](std::uint8_t weight, std::uint8_t zero, float scale) {
    Net net({DType::u8, DType::u8, false});
    const Value a{&net.graph, net.graph.add_input("a", DType::u8, {2, 1})};
    const Value b = constant(net.graph, Tensor::from<std::uint8_t>({1, 1}, {weight}));
    apply("QLinearMatMul",
          {a, net.scalar(1), net.zero(DType::u8, 0), b, net.scalar(1),
           constant(net.graph, Tensor::scalar(zero)), net.scalar(scale), net.zero(DType::u8, 0)});
    return takes(driver, net.graph);
  };
  CHECK(product(200, 100, 1));
  CHECK_FALSE(product(200, 50, 1));            // the weight less its zero point is no i8
  CHECK_FALSE(product(200, 100, 1.0f / 256));  // sums would grow too far
}

TEST_CASE("readers that disagree on what an 8-bit value stands for are kept apart", "[xnnpack]") {
  Net net({DType::u8, DType::i8, true});
  const Value x{&net.graph, net.graph.add_input("x", DType::f32, {4, 9})};
  const Value q = net.quantize(x, 0.05f, 0);
  const Value right = net.dequantize(q, 0.05f, 0), other = net.dequantize(q, 0.07f, 1);
  net.graph.set_outputs({sigmoid(right).id, sigmoid(other).id});
  const std::vector<Tensor> inputs{draw(DType::f32, {4, 9}, -2, 2, net.random)};
  const Session session(net.graph, all_drivers());
  check_close(session.run(inputs), interpret(net.graph, inputs));
}

TEST_CASE("weights packed for one scale are not taken for another", "[xnnpack]") {
  Net net({DType::u8, DType::i8, false});
  const Value a{&net.graph, net.graph.add_input("a", DType::u8, {3, 16})};
  const Value weights = net.weights({16, 8});
  std::vector<ValueId> outputs;
  for (const float scale : {0.05f, 0.1f})
    outputs.push_back(
        apply("QLinearMatMul", {a, net.scalar(0.02f), net.zero(DType::u8, 3), weights, net.scalar(0.004f),
                                net.zero(DType::i8, 0), net.scalar(scale), net.zero(DType::u8, 0)})
            .id);
  net.graph.set_outputs(outputs);
  check_on_driver(net, {draw(DType::f32, {3, 16}, 0, 255, net.random).as(DType::u8)});
}

}  // namespace
}  // namespace dormouse::drivers
