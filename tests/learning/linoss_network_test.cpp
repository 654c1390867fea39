// The LinOSS network: against golden vectors, in a sequence and in a stream, and its initial weights.

#include "learning/linoss_network.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>
#include <numeric>

#include "engine/autodiff.h"
#include "engine/formats/onnx.h"
#include "engine/interpreter.h"
#include "engine/op.h"
#include "engine/session.h"
#include "tests/learning/golden.h"
#include "tests/temporary_folder.h"

using namespace dormouse::learning;
namespace engine = dormouse::engine;
using engine::DType;
using engine::Graph;
using engine::Shape;
using engine::Tensor;
using engine::Value;
using engine::ValueId;

namespace {

const char* const kModels[] = {"model_im_2block", "model_imex_2block", "model_dlinoss_2block"};

LinossOptions options_of(const Golden& golden) {
  const auto dim = [&](const std::string& name) {
    return static_cast<std::int64_t>(golden.number("dims." + name));
  };
  const std::string variant = golden.text("variant");
  LinossOptions options;
  options.discretisation = variant == "IM"     ? Discretisation::im
                           : variant == "IMEX" ? Discretisation::imex
                                               : Discretisation::damped;
  options.inputs = dim("N");
  options.hidden = dim("H");
  options.oscillators = dim("m");
  options.blocks = dim("blocks");
  options.outputs = dim("K");
  options.norm = BlockNorm::batch;
  options.limits = {0, 0};
  return options;
}

/// Golden tensors under `from` ("params" or "grad") as the network's weights are laid out; the norms only of
/// parameters.
LinossWeights weights_of(const Golden& golden, const std::string& from, const LinossOptions& options) {
  const auto of = [&](const std::string& name) { return golden.tensor(from + "." + name); };
  LinossWeights weights{{"encoder.weight", transposed(of("enc_W"))},
                        {"encoder.bias", of("enc_b")},
                        {"head.weight", transposed(of("dec_W"))},
                        {"head.bias", of("dec_b")}};
  for (std::int64_t i = 0; i < options.blocks; ++i) {
    const std::string number = std::to_string(i), b = std::string("b").append(number).append("_"),
                      name = std::string("block").append(number).append(".");
    const auto row = [](const Tensor& vector) { return vector.reshaped({1, vector.shape()[0]}); };
    weights.emplace(name + "stiffness", of(b + "a"));
    if (options.discretisation == Discretisation::damped) weights.emplace(name + "damping", of(b + "g"));
    weights.emplace(name + "step", of(b + "s"));
    weights.emplace(name + "input", beside(transposed(of(b + "B_re")), transposed(of(b + "B_im"))));
    weights.emplace(name + "output",
                    below(transposed(of(b + "C_re")), times(transposed(of(b + "C_im")), -1)));
    weights.emplace(name + "feedthrough", of(b + "D_vec"));
    weights.emplace(name + "gate.weight", beside(transposed(of(b + "W1")), transposed(of(b + "W2"))));
    const Tensor biases = beside(row(of(b + "b1")), row(of(b + "b2")));
    weights.emplace(name + "gate.bias", biases.reshaped({biases.elements()}));
    if (from != "params") continue;
    weights.emplace(name + "norm.mean", of(b + "bn_mean"));
    weights.emplace(name + "norm.variance", of(b + "bn_var"));
  }
  return weights;
}

LinossWeights as(const LinossWeights& weights, DType type) {
  LinossWeights result;
  for (const auto& [name, tensor] : weights) result.emplace(name, tensor.as(type));
  return result;
}

/// [T, N] as one sequence [1, T, N].
Tensor sequence(const Golden& golden, DType type) {
  const Tensor u = golden.tensor("params.u").as(type);
  return u.reshaped({1, u.shape()[0], u.shape()[1]});
}

Tensor softmax(const Tensor& logits) {
  Graph graph;
  graph.mark_output(engine::softmax(engine::constant(graph, logits)).id);
  return engine::interpret(graph, {})[0];
}

void check_model(const std::string& name, DType type, double tolerance) {
  const Golden golden(name);
  const LinossOptions options = options_of(golden);
  Graph graph = linoss_graph(options, as(weights_of(golden, "params", options), type));
  const LinossWeights expected = weights_of(golden, "grad", options);
  std::vector<ValueId> wrt = graph.inputs();
  std::vector<Tensor> given{sequence(golden, type)};
  for (const auto& [parameter, gradient] : expected) {
    wrt.push_back(graph.find(parameter).value());
    given.push_back(graph.value(wrt.back()).constant.value());
    graph.constant_to_input(wrt.back());
  }
  const Value logits{&graph, graph.outputs()[0]};
  Tensor target(DType::f64, Shape{1, options.outputs});
  target.mutable_values<double>()[static_cast<std::size_t>(golden.number("label"))] = 1;
  const Value picked = engine::constant(graph, target.as(type)) * engine::softmax(logits);
  const Value loss = -engine::log(engine::reduce_sum(picked, {0, 1}, false) + 1e-8);
  std::vector<ValueId> outputs = engine::differentiate(graph, loss.id, wrt);
  outputs.insert(outputs.end(), {logits.id, loss.id});
  graph.set_outputs(outputs);
  const std::vector<Tensor> got = engine::interpret(graph, given);
  INFO(name);
  check_close(got[0], golden.tensor("grad.u"), tolerance);
  std::size_t next = 1;
  for (const auto& [parameter, gradient] : expected) {
    INFO("gradient of " << parameter);
    check_close(got[next++], gradient, tolerance);
  }
  check_close(got[next], golden.tensor("logits"), tolerance);
  check_close(got[next + 1], golden.tensor("loss"), tolerance);
}

/// What a stream graph answers to each sample in turn, its state carried along: [T, outputs].
Tensor streamed(const Graph& graph, const Tensor& samples) {
  const engine::Session session(graph, {});
  const std::int64_t steps = samples.shape()[1];
  std::vector<Tensor> inputs(1);
  for (std::size_t i = 1; i < graph.inputs().size(); ++i) {
    Shape shape = graph.value(graph.inputs()[i]).shape;
    shape[0] = 1;
    inputs.emplace_back(samples.dtype(), shape);
  }
  const Tensor rows = samples.reshaped({steps, 1, samples.shape()[2]});
  std::vector<double> answers;
  for (std::int64_t t = 0; t < steps; ++t) {
    inputs[0] = rows.rows(t, 1);
    std::vector<Tensor> outputs = session.run(inputs);
    const Tensor answer = outputs[0].as(DType::f64);
    answers.insert(answers.end(), answer.values<double>().begin(), answer.values<double>().end());
    std::ranges::move(outputs.begin() + 1, outputs.end(), inputs.begin() + 1);
  }
  return Tensor::from<double>({steps, static_cast<std::int64_t>(answers.size()) / steps}, answers);
}

Tensor noise(Shape shape, Random& random) {
  Tensor tensor(DType::f32, std::move(shape));
  for (float& value : tensor.mutable_values<float>()) value = static_cast<float>(random.normal());
  return tensor;
}

}  // namespace

TEST_CASE("a LinOSS network and all its gradients are those of the golden vectors", "[linoss]") {
  for (const char* const name : kModels) {
    check_model(name, DType::f64, 1e-12);
    check_model(name, DType::f32, 1e-5);
  }
}

TEST_CASE("a regression head answers every so many samples", "[linoss]") {
  for (const char* const name : kModels) {
    const Golden golden(name);
    LinossOptions options = options_of(golden);
    options.readout = Readout::every;
    options.readout_steps = 4;
    options.bounded = true;
    const Graph graph = linoss_graph(options, weights_of(golden, "params", options));
    const Tensor got = engine::interpret(graph, std::array{sequence(golden, DType::f64)})[0];
    CHECK(got.shape() == Shape{1, 2, 3});
    check_close(got, golden.tensor("regression_outputs"), 1e-12);
  }
}

TEST_CASE("a forecasting head answers the last samples", "[linoss]") {
  const Golden golden(kModels[2]);
  LinossOptions options = options_of(golden);
  const LinossWeights weights = weights_of(golden, "params", options);
  const auto answers = [&](Readout readout, std::int64_t steps) {
    options.readout = readout;
    options.readout_steps = steps;
    return engine::interpret(linoss_graph(options, weights), std::array{sequence(golden, DType::f64)})[0];
  };
  const Tensor all = answers(Readout::every, 1).reshaped({8, 3}), last = answers(Readout::last, 3);
  CHECK(last.shape() == Shape{1, 3, 3});
  check_close(last, all.rows(5, 3), 1e-15);
}

TEST_CASE("a stream is classified by its mean so far, as the golden vectors say", "[linoss]") {
  for (const char* const name : kModels) {
    const Golden golden(name);
    const LinossOptions options = options_of(golden);
    const Graph graph = linoss_stream_graph(options, weights_of(golden, "params", options));
    const Tensor logits = streamed(graph, sequence(golden, DType::f64));
    check_close(softmax(logits), golden.tensor("streaming_prob_running_mean"), 1e-12);
  }
}

TEST_CASE("a window lets a stream forget what it was", "[linoss]") {
  Random random(5);
  LinossOptions options{.hidden = 4, .oscillators = 3, .blocks = 1};
  const LinossWeights weights = initial_weights(options, random);
  Tensor samples(DType::f32, {1, 600, 1});  // silence after a loud start
  std::ranges::fill(samples.mutable_values<float>().first(50), 5.0f);
  options.limits.damping = 0.5;
  const auto final_answer = [&](const Tensor& given, std::int64_t window) {
    return streamed(linoss_stream_graph(options, weights, window), given).values<double>().back();
  };
  const double silent = final_answer(Tensor(DType::f32, {1, 600, 1}), 20);
  CHECK(final_answer(samples, 20) == Approx(silent).epsilon(1e-4));
  CHECK(std::abs(final_answer(samples, 1 << 20) - silent) > 1e-3);
}

TEST_CASE("a stream of 100,000 samples is answered as the sequence is", "[linoss]") {
#if defined(DORMOUSE_SANITIZED)
  constexpr std::int64_t kSteps = 10000;  // each takes twenty times as long there
#else
  constexpr std::int64_t kSteps = 100000;
#endif
  for (const auto kind : {Discretisation::im, Discretisation::imex, Discretisation::damped}) {
    Random random(7);
    LinossOptions options{.discretisation = kind, .inputs = 2, .hidden = 16, .oscillators = 8, .outputs = 2};
    options.readout = Readout::every;
    const LinossWeights weights = initial_weights(options, random);
    const Tensor samples = noise({1, kSteps, 2}, random);
    const Tensor whole = engine::Session(linoss_graph(options, weights), {}).run(std::array{samples})[0];
    const Tensor stream = streamed(linoss_stream_graph(options, weights), samples);
    check_close(stream, whole.as(DType::f64), 1e-5);
  }
}

TEST_CASE("a LinOSS network comes back from ONNX, in our operators and in standard ones", "[linoss]") {
  Random random(9);
  const LinossOptions options{.inputs = 2, .hidden = 6, .oscillators = 4, .outputs = 3};
  const LinossWeights weights = initial_weights(options, random);
  const TemporaryFolder folder;
  for (const Graph& graph : {linoss_graph(options, weights), linoss_stream_graph(options, weights)}) {
    std::vector<Tensor> inputs{noise({1, graph.inputs().size() > 1 ? 1 : 30, 2}, random)};
    for (std::size_t i = 1; i < graph.inputs().size(); ++i) {
      Shape shape = graph.value(graph.inputs()[i]).shape;
      shape[0] = 1;
      inputs.push_back(noise(shape, random));
    }
    const Tensor expected = engine::interpret(graph, inputs)[0];
    engine::write_onnx(graph, folder.file("ours.onnx"));
    const Graph ours = engine::read_onnx(folder.file("ours.onnx"));
    CHECK(std::ranges::equal(engine::interpret(ours, inputs)[0].bytes(), expected.bytes()));
    engine::write_onnx(engine::in_standard_operators(graph), folder.file("standard.onnx"));
    const Graph standard = engine::read_onnx(folder.file("standard.onnx"));
    CHECK(std::ranges::all_of(standard.nodes(), [](const auto& node) { return node.op->domain.empty(); }));
    check_close(engine::interpret(standard, inputs)[0], expected.as(DType::f64), 1e-6);
  }
}

TEST_CASE("the eigenvalues of damped oscillators are placed where they should be", "[linoss]") {
  const Golden golden("dlinoss_init_inverse");
  for (const boost::json::value& entry : golden.at("rows").as_array()) {
    const auto of = [&](const char* name) { return entry.as_object().at(name).to_number<double>(); };
    const Placed got = placed(of("r"), of("theta"), of("h"));
    CHECK(got.stiffness == Approx(of("A")).epsilon(1e-12));
    CHECK(got.damping == Approx(of("G")).epsilon(1e-12).margin(1e-15));
  }
}

TEST_CASE("damped oscillators start with eigenvalues in the outer tenth of the unit disc", "[linoss]") {
  constexpr std::uint64_t kSeed = 3;
  INFO("seed " << kSeed);
  Random random(kSeed);
  const LinossOptions options{.hidden = 2, .oscillators = 400, .blocks = 1};
  const LinossWeights weights = initial_weights(options, random);
  const auto of = [&](const char* name) { return weights.at(std::string("block0.") + name).values<float>(); };
  double area = 0, angle = 0;
  for (std::size_t k = 0; k < 400; ++k) {
    const double h = 1 / (1 + std::exp(-double(of("step")[k])));
    const double s = 1 / (1 + h * double(of("damping")[k])), radius = std::sqrt(s);
    CHECK(radius > 0.9 - 1e-5);
    CHECK(radius < 1 + 1e-5);
    // cos θ = trace / 2r; float rounding may carry it past 1.
    const double cosine = (1 + s - h * h * double(of("stiffness")[k]) * s) / (2 * radius);
    angle += std::acos(std::clamp(cosine, -1.0, 1.0)) / 400;
    area += (s - 0.81) / 0.19 / 400;
  }
  CHECK(area == Approx(0.5).margin(0.05));
  CHECK(angle == Approx(std::numbers::pi / 2).margin(0.15));
}

TEST_CASE("a network has as many weights as the published one of its size", "[linoss]") {
  Random random(1);
  LinossOptions options{.inputs = 7, .hidden = 128, .oscillators = 64, .outputs = 5};
  options.norm = BlockNorm::batch;
  options.discretisation = Discretisation::im;  // EigenWorms, with a time channel
  std::int64_t count = 0;
  for (const auto& [name, tensor] : initial_weights(options, random)) count += tensor.elements();
  CHECK(count == 134279 - 2);  // theirs counts a flag of each batch normalisation
}

TEST_CASE("a weight that is missing is named", "[linoss]") {
  Random random(1);
  const LinossOptions options{.hidden = 3, .oscillators = 2, .blocks = 2};
  LinossWeights weights = initial_weights(options, random);
  weights.erase("block1.step");
  CHECK_THROWS_WITH(linoss_graph(options, weights), Catch::Contains("'block1.step'"));
}
