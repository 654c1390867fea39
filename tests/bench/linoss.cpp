// What a D-LinOSS network of the size published for EigenWorms costs: 134,279 parameters, six channels, two
// blocks of 64 oscillators on 128 channels.
//
//   bench_linoss stream [--samples 100000]     a sample at a time, one thread; and that it answers as the
//                                              sequence does
//   bench_linoss learn [--samples 2000]        a sample at a time, with exact online gradients of all weights
//   bench_linoss train [--rounds 5] [--threads 1] [--json yes]
//                                              a training step on a batch of four sequences of 1,024 samples,
//                                              beside an LSTM of as many parameters; as text or a line of
//                                              JSON a model, which tests/bench/peers/linoss_training.py reads
//   bench_linoss run --model FILE.onnx [--stream SPEC.yaml] [--times 1]
//                                              a trained model on noise so many times, or its stream form,
//                                              its state carried along: for tests/bench/accuracy/energy,
//                                              which counts instructions

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "drivers/all_drivers.h"
#include "engine/formats/onnx.h"
#include "engine/op.h"
#include "engine/session.h"
#include "learning/linoss_online.h"
#include "learning/model_spec.h"
#include "learning/step.h"
#include "tests/bench/options.h"
#include "tests/bench/samples.h"

namespace dormouse::bench {
namespace {

using engine::Graph;
using engine::Shape;
using engine::Tensor;
using engine::Value;

constexpr double kMostMicroseconds = 12, kMostApart = 1e-5;
constexpr std::size_t kMostState = 2048;  // bytes
constexpr std::int64_t kChannels = 6, kClasses = 5, kBatch = 4, kSteps = 1024;
constexpr std::int64_t kLstmWidth = 178;  // of 133,327 parameters

learning::LinossOptions network(learning::BlockNorm norm, learning::Readout readout) {
  return {.inputs = kChannels,
          .hidden = 128,
          .oscillators = 64,
          .blocks = 2,
          .outputs = kClasses,
          .norm = norm,
          .readout = readout};
}

Tensor noise(Shape shape, learning::Random& random, double deviation = 1) {
  Tensor tensor(engine::DType::f32, std::move(shape));
  for (float& value : tensor.mutable_values<float>()) value = static_cast<float>(deviation * random.normal());
  return tensor;
}

/// What the inputs behind the first `given` ones start as, for one stream.
std::vector<Tensor> at_rest(const Graph& graph, std::size_t given) {
  std::vector<Tensor> inputs(given);
  for (std::size_t i = given; i < graph.inputs().size(); ++i) {
    Shape shape = graph.value(graph.inputs()[i]).shape;
    shape[0] = std::max<std::int64_t>(shape[0], 1);
    inputs.emplace_back(engine::DType::f32, shape);
  }
  return inputs;
}

/// Feeds a stream its own state: outputs from `given` on become inputs from there on.
void carry(std::vector<Tensor>& outputs, std::vector<Tensor>& inputs, std::size_t given) {
  const auto first = static_cast<std::ptrdiff_t>(given);
  std::move(outputs.begin() + first, outputs.begin() + static_cast<std::ptrdiff_t>(inputs.size()),
            inputs.begin() + first);
}

int stream(const Options& options) {
  const auto steps = static_cast<std::int64_t>(options.number("samples", 100000));
  const auto size = network(learning::BlockNorm::batch, learning::Readout::every);
  learning::Random random(1);
  const learning::LinossWeights weights = learning::initial_weights(size, random);
  const Tensor samples = noise({steps, 1, kChannels}, random);
  const engine::Session session(learning::linoss_stream_graph(size, weights), drivers::all_drivers());
  std::vector<Tensor> inputs = at_rest(session.graph(), 1);
  std::size_t state_bytes = 0;
  for (std::size_t i = 1; i < inputs.size(); ++i) state_bytes += inputs[i].byte_size();
  Samples timed;
  std::vector<float> answers;
  for (std::int64_t t = 0; t < steps; ++t) {
    inputs[0] = samples.rows(t, 1);
    std::vector<Tensor> outputs;
    timed.time([&] {
      outputs = session.run(inputs);
      carry(outputs, inputs, 1);
    });
    const auto answer = outputs[0].values<float>();
    answers.insert(answers.end(), answer.begin(), answer.end());
  }
  const engine::Session whole(learning::linoss_graph(size, weights), drivers::all_drivers());
  const Tensor expected = whole.run(std::array{samples.reshaped({1, steps, kChannels})})[0];
  double apart = 0, largest = 1;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const float value = expected.values<float>()[i];
    apart = std::max(apart, static_cast<double>(std::abs(answers[i] - value)));
    largest = std::max(largest, static_cast<double>(std::abs(value)));
  }
  std::int64_t parameters = 0;
  for (const auto& [name, weight] : weights) parameters += weight.shape().elements();
  const bool fast = timed.median() < kMostMicroseconds, same = apart <= kMostApart * largest;
  const bool small = state_bytes <= kMostState;
  std::printf("%s  a sample of %ld parameters: %s (under %.0f)\n", fast ? "PASS" : "FAIL",
              static_cast<long>(parameters), timed.text().c_str(), kMostMicroseconds);
  std::printf("%s  the state: %zu bytes (at most %zu)\n", small ? "PASS" : "FAIL", state_bytes, kMostState);
  std::printf("%s  %ld answers apart from the sequence's by %.1e of the largest (at most %.0e)\n",
              same ? "PASS" : "FAIL", static_cast<long>(steps), apart / largest, kMostApart);
  return fast && same && small ? 0 : 1;
}

int learn(const Options& options) {
  const auto size = network(learning::BlockNorm::batch, learning::Readout::every);
  learning::Random random(1);
  auto online = learning::linoss_online_graph(size, learning::initial_weights(size, random),
                                              [](Value answer, Value target) {
                                                const Value error = answer - target;
                                                return engine::reduce_mean(error * error, {0, 1}, false);
                                              });
  for (const auto id : online.gradients) online.graph.mark_output(id);
  const engine::Session session(std::move(online.graph), drivers::all_drivers());
  std::vector<Tensor> inputs = at_rest(session.graph(), 2);
  std::size_t state_bytes = 0;
  for (std::size_t i = 2; i < inputs.size(); ++i) state_bytes += inputs[i].byte_size();
  Samples timed;
  for (int i = 0; i < static_cast<int>(options.number("samples", 2000)); ++i) {
    inputs[0] = noise({1, 1, kChannels}, random);
    inputs[1] = noise({1, kClasses}, random);
    timed.time([&] {
      std::vector<Tensor> outputs = session.run(inputs);
      carry(outputs, inputs, 2);
    });
  }
  std::printf("      a sample and its gradients: %s; state and traces %zu bytes\n", timed.text().c_str(),
              state_bytes);
  return 0;
}

/// Sequence → logits, the state after the last step read by a linear layer.
Graph lstm(learning::Random& random) {
  Graph graph;
  const double bound = 1 / std::sqrt(static_cast<double>(kLstmWidth));
  const auto weights = [&](const char* name, Shape shape) {
    return graph.add_constant(name, noise(std::move(shape), random, bound));
  };
  const std::int64_t gates = 4 * kLstmWidth;
  const auto x = graph.add_input("samples", engine::DType::f32, {kBatch, kSteps, kChannels});
  const auto outputs = graph.add_node(*engine::find_op("", "LSTM"),
                                      {x, weights("w", {1, gates, kChannels}),
                                       weights("r", {1, gates, kLstmWidth}), weights("b", {1, 2 * gates})},
                                      {{"hidden_size", kLstmWidth}, {"layout", std::int64_t{1}}}, {"", ""});
  const Value last = engine::reshape({&graph, outputs[1]}, {kBatch, kLstmWidth});
  const Value w{&graph, weights("head.weight", {kLstmWidth, kClasses})};
  const Value b{&graph, weights("head.bias", {kClasses})};
  graph.mark_output((engine::matmul(last, w) + b).id);
  return graph;
}

void time_steps(const char* name, const Graph& graph, const Options& options) {
  const auto threads = static_cast<std::size_t>(options.number("threads", 1));
  learning::Random random(2);
  learning::Trainer trainer(graph, nullptr, {.drivers = drivers::all_drivers(threads)});
  const Tensor batch = noise({kBatch, kSteps, kChannels}, random);
  const Tensor targets = learning::one_hot(std::array<learning::ClassIndex, kBatch>{0, 1, 2, 3}, kClasses);
  trainer.step(batch, targets, {}, 0);
  Samples timed;
  for (int i = 0; i < static_cast<int>(options.number("rounds", 5)); ++i)
    timed.time([&] { trainer.step(batch, targets, {}, 1e-6f); });
  if (options.has("json"))
    std::printf("{\"model\": \"%s\", \"threads\": %zu, \"median_ms\": %.3f}\n", name, threads,
                timed.median() / 1e3);
  else
    std::printf("      %-8s of %ld samples: %s, %5.1f samples/ms\n", name, static_cast<long>(kSteps),
                timed.text().c_str(), 1e3 * static_cast<double>(kBatch * kSteps) / timed.median());
}

int train(const Options& options) {
  const auto size = network(learning::BlockNorm::layer, learning::Readout::mean);
  learning::Random random(1);
  time_steps("D-LinOSS", learning::linoss_graph(size, learning::initial_weights(size, random)), options);
  time_steps("LSTM", lstm(random), options);
  return 0;
}

int run(const Options& options) {
  Graph graph = engine::read_onnx(options.text("model"));
  if (options.has("stream"))
    graph = learning::stream_model(learning::read_model_spec(options.text("stream")), graph);
  const engine::Session session(std::move(graph), drivers::all_drivers());
  std::vector<Tensor> inputs = at_rest(session.graph(), 1);
  learning::Random random(1);
  Shape shape = session.graph().value(session.graph().inputs()[0]).shape;
  shape[0] = 1;
  inputs[0] = noise(shape, random);
  for (int i = 0; i < static_cast<int>(options.number("times", 1)); ++i) {
    std::vector<Tensor> outputs = session.run(inputs);
    carry(outputs, inputs, 1);
  }
  return 0;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) {
  using namespace dormouse::bench;
  return guarded(
      argc, argv,
      std::map<std::string, Benchmark>{{"stream", stream}, {"learn", learn}, {"train", train}, {"run", run}});
}
