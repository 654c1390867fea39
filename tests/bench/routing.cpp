// What routing adds to an answer beyond the low model: memory's lookup, signals, the gate, the decision and
// its explanation, over a memory of so many episodes.
//
//   bench_routing [--episodes 10000] [--rounds 2000] [--widths 32,64,128]
//
// A perceptron of 64 inputs with ten classes and latents of that width; memory holds latents around 200
// centres, and five concepts a class; a certified gate decides. The model alone (session and heads) and the
// whole answer take turns; routing's share is the difference of the medians. Held to: under 20 µs.

#include <cstdio>
#include <random>

#include "daemon/service/inference.h"
#include "drivers/all_drivers.h"
#include "engine/value.h"
#include "tests/bench/options.h"
#include "tests/bench/samples.h"

namespace dormouse::bench {
namespace {

using namespace engine;

constexpr double kMostMicroseconds = 20;
constexpr std::int64_t kInputs = 64, kClasses = 10;
constexpr std::size_t kCentres = 200, kQueries = 256;

class World {
 public:
  World(std::int64_t width, std::size_t episodes) {
    const Graph graph = perceptron(width);
    const std::vector<Shape> shapes{Shape{1, kInputs}};
    auto model = std::make_shared<PublishedModel>();
    model->session = std::make_shared<const Session>(graph, drivers::all_drivers());
    for (std::int64_t i = 0; i < kClasses; ++i) model->labels.push_back("class " + std::to_string(i));
    model->slow_classes = kClasses;
    job_.served.model = model;
    for (std::size_t i = 0; i < kCentres; ++i) centres_.push_back(drawn({1, kInputs}, 1));
    auto index = std::make_shared<memory::VectorIndex>(static_cast<std::size_t>(width), 2 * episodes);
    for (memory::EpisodeId id = 1; id <= episodes; ++id) {
      const auto outputs = model->session->run(std::vector{draw()});
      const auto label = static_cast<std::uint32_t>(random_() % kClasses);
      ensure(index->load({.id = id, .label = label}, memory::quantise(outputs.back().values<float>())),
             "room");
    }
    auto concepts = std::make_shared<std::vector<memory::Concept>>();
    for (std::int64_t i = 0; i < 5 * kClasses; ++i) {
      const auto outputs = model->session->run(std::vector{draw()});
      const auto mean = outputs.back().values<float>();
      concepts->push_back({.label = model->labels[static_cast<std::size_t>(i % kClasses)],
                           .mean = {mean.begin(), mean.end()}});
    }
    job_.served.index = index;
    job_.served.concepts = concepts;
    job_.served.typical_distance = 1;
    job_.judge = std::make_shared<const hrm::Judge>(
        hrm::Judge{.rule = hrm::Judge::Rule::certified, .gate = {}, .threshold = 0.4f});
    for (std::size_t i = 0; i < kQueries; ++i) queries_.push_back(draw());
  }

  void alone(std::size_t round) {
    const auto outputs = job_.served.model->session->run(std::vector{queries_[round % kQueries]});
    const Answer answer =
        arbitrate(*job_.served.model, outputs.front().values<float>(), outputs.back().values<float>());
    sink_ += answer.confidence;
  }
  void lookup(std::size_t round) {
    const auto outputs = job_.served.model->session->run(std::vector{queries_[round % kQueries]});
    sink_ +=
        job_.served.index->search(outputs.back().values<float>(), job_.neighbours, {.without_held_out = true})
            .front()
            .distance;
  }
  void whole(std::size_t round) {
    job_.inputs = {queries_[round % kQueries]};
    sink_ += daemon::infer(job_).rows[0].score;
  }

 private:
  Tensor drawn(Shape shape, float deviation) {
    Tensor tensor(DType::f32, std::move(shape));
    std::normal_distribution<float> normal(0, deviation);
    for (float& value : tensor.mutable_values<float>()) value = normal(random_);
    return tensor;
  }
  Tensor draw() {
    const Tensor& centre = centres_[random_() % kCentres];
    Tensor input = drawn({1, kInputs}, 0.5f);
    const auto from = centre.values<float>();
    auto to = input.mutable_values<float>();
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
    return input;
  }
  Graph perceptron(std::int64_t width) {
    Graph graph;
    const Value x{&graph, graph.add_input("x", DType::f32, {1, kInputs})};
    const Value latent = relu(apply("Gemm", {x, constant(graph, drawn({kInputs, width}, 0.125f)),
                                             constant(graph, drawn({width}, 0.125f))}));
    const Value logits = apply("Gemm", {latent, constant(graph, drawn({width, kClasses}, 0.3f)),
                                        constant(graph, drawn({kClasses}, 0.1f))});
    graph.mark_output(logits.id);
    graph.mark_output(latent.id);
    return graph;
  }

  std::mt19937 random_{1};
  std::vector<Tensor> centres_, queries_;
  daemon::InferenceJob job_;
  float sink_ = 0;
};

int run(const Options& options) {
  const auto episodes = static_cast<std::size_t>(options.number("episodes", 10'000));
  const auto rounds = static_cast<std::size_t>(options.number("rounds", 2000));
  auto widths = options.list("widths");
  if (widths.empty()) widths = {"32", "64", "128"};
  std::printf("routing over %zu episodes, us (median): the model alone, with the lookup, the whole answer\n",
              episodes);
  bool held = true;
  for (const std::string& width : widths) {
    World world(std::stol(width), episodes);
    for (std::size_t i = 0; i < 50; ++i) world.whole(i);  // warm
    Samples alone, lookup, whole;
    for (std::size_t i = 0; i < rounds; ++i) {
      alone.time([&] { world.alone(i); });
      lookup.time([&] { world.lookup(i); });
      whole.time([&] { world.whole(i); });
    }
    const double added = whole.median() - alone.median();
    const bool fits = added < kMostMicroseconds;
    held = held && fits;
    std::printf("  width %4s  alone %6.1f  lookup %6.1f  whole %6.1f\n", width.c_str(), alone.median(),
                lookup.median(), whole.median());
    std::printf("%s  routing adds, us: %.1f (under %.0f)\n", fits ? "PASS" : "FAIL", added,
                kMostMicroseconds);
    std::fflush(stdout);
  }
  return held ? 0 : 1;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) { return dormouse::bench::guarded(argc, argv, dormouse::bench::run); }
