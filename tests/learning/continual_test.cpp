#include "learning/continual.h"

#include "learning/calibration.h"
#include "tests/learning/clusters.h"
#include "tests/learning/parts.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

constexpr std::uint64_t kSeed = 31;
constexpr std::size_t kWidth = 16, kClasses = 6;

/// Three tasks of two classes; features standardised.
struct Stream {
  Clusters clusters{kClasses, kWidth, 1.2, kSeed};
  std::vector<LabelledLatents> tasks;
  LabelledLatents test;

  Stream() {
    for (std::size_t t = 0; t < 3; ++t) tasks.push_back(clusters.draw(400, 2 * t, 2 * t + 2));
    test = clusters.draw(100, 0, kClasses);
    const LatentScale scale = scale_of(statistics_of(test, kClasses), kWidth);
    for (LabelledLatents* data : {&tasks[0], &tasks[1], &tasks[2], &test}) {
      const auto values = data->latents.mutable_values<float>();
      for (std::size_t i = 0; i < values.size(); i += kWidth) scale.standardise(values.subspan(i, kWidth));
    }
  }

  void teach(ContinualLearner& learner) const {
    for (const LabelledLatents& task : tasks) {
      for (std::size_t at = 0; at + 10 <= task.size(); at += 10) {
        std::vector<std::size_t> rows;
        for (std::size_t i = 0; i < 10; ++i) rows.push_back(at + i);
        learner.learn(gather(task, rows));
      }
      learner.end_task(task);
    }
  }

  double score(const ContinualLearner& learner, std::size_t first = 0, std::size_t last = kClasses) const {
    return accuracy(predictions(learner.logits(test.latents)), test.classes, first, last);
  }
};

ContinualOptions options_for(Strategy strategy) {
  ContinualOptions options{.strategy = strategy, .rate = 0.05f, .replay_batch = 10};
  options.memory = ExemplarOptions{.budget_bytes = 60 * (kWidth + 5)};
  if (strategy == Strategy::ace_derpp) options.knobs = {.alpha = 0.3f, .beta = 1};
  options.fisher_samples = 100;
  options.seed = kSeed;
  return options;
}

ContinualLearner learner_for(const ContinualOptions& options) {
  Parts parts(kSeed);
  return {parts.mlp(kWidth, 32, kClasses), options};
}

}  // namespace

TEST_CASE("every strategy learns the last task, and those that should keep the first ones", "[continual]") {
  const Stream stream;
  INFO("seed " << kSeed);
  ContinualLearner naive = learner_for(options_for(Strategy::finetune));
  stream.teach(naive);
  REQUIRE(stream.score(naive, 4, 6) > 0.8);
  REQUIRE(stream.score(naive, 0, 4) < 0.5);
  for (const Recipe& each : recipes()) {
    ContinualLearner learner = learner_for(options_for(each.strategy));
    stream.teach(learner);
    CAPTURE(each.word, stream.score(learner, 0, 4), stream.score(learner, 4, 6), learner.bytes());
    CHECK(stream.score(learner, 4, 6) > (each.rehearses || each.analytic ? 0.6 : 0.8));
    if (each.rehearses || each.analytic) CHECK(stream.score(learner, 0, 4) > 0.65);
  }
}

TEST_CASE("a learner's bytes are its exemplars and what its strategy holds", "[continual]") {
  const Stream stream;
  const auto bytes = [&](Strategy strategy) {
    ContinualLearner learner = learner_for(options_for(strategy));
    stream.teach(learner);
    return learner.bytes();
  };
  constexpr std::size_t kParameters = sizeof(float) * (kWidth * 32 + 32 + 32 * kClasses + kClasses);
  constexpr std::size_t kItem = kWidth + 4 + 1;
  CHECK(bytes(Strategy::finetune) == 0);
  CHECK(bytes(Strategy::replay) == 60 * kItem);
  CHECK(bytes(Strategy::ewc) == 2 * kParameters);
  CHECK(bytes(Strategy::si) == 3 * kParameters);
  CHECK(bytes(Strategy::lwf) == kParameters);
  CHECK(bytes(Strategy::replay_ewc) == 60 * kItem + 2 * kParameters);
  const std::size_t dark = kItem + 2 * kClasses;
  CHECK(bytes(Strategy::derpp) == 60 * kItem / dark * dark);
}

TEST_CASE("EWC holds the weights of the first task the firmer the larger λ is", "[continual]") {
  const Stream stream;
  INFO("seed " << kSeed);
  const auto moved = [&](Strategy strategy, float lambda) {
    ContinualOptions options = options_for(strategy);
    options.knobs.lambda = lambda;
    ContinualLearner learner = learner_for(options);
    learner.learn(stream.tasks[0]);
    learner.end_task(stream.tasks[0]);
    CHECK(learner.lambda() == lambda);
    const Parameters before = parameters_by_name(learner.graph());
    for (int i = 0; i < 30; ++i) learner.learn(stream.tasks[1]);
    double distance = 0;
    for (const auto& [name, now] : parameters_by_name(learner.graph()))
      for (std::size_t i = 0; i < now.values<float>().size(); ++i)
        distance += std::pow(double{now.values<float>()[i] - before.at(name).values<float>()[i]}, 2);
    return distance;
  };
  const auto strategy = GENERATE(Strategy::ewc, Strategy::si);
  const double loose = moved(strategy, 0), held = moved(strategy, 30), fixed = moved(strategy, 1e5f);
  CAPTURE(word(strategy), loose, held, fixed);
  CHECK(held < 0.9 * loose);
  CHECK(fixed < 0.5 * held);
}

TEST_CASE("λ fades as exemplars accumulate and is what was set when it was set", "[continual]") {
  const Stream stream;
  ContinualLearner learner = learner_for(options_for(Strategy::replay_ewc));
  CHECK(learner.lambda() == 0);
  learner.learn(stream.tasks[0]);
  learner.end_task(stream.tasks[0]);
  CHECK(learner.lambda() == Approx(10 / (1 + 9.0)));  // thirty of each of two classes
}

TEST_CASE("a sleep on a balanced memory repairs what the last task undid", "[continual]") {
  const Stream stream;
  INFO("seed " << kSeed);
  ContinualOptions options = options_for(Strategy::replay);
  options.replay_batch = 2;
  ContinualLearner learner = learner_for(options);
  stream.teach(learner);
  const double awake = stream.score(learner, 0, 4);
  const float first = learner.rehearse(20, 30, 0.02f), last = learner.rehearse(300, 30, 0.02f);
  CAPTURE(awake, stream.score(learner, 0, 4), first, last);
  CHECK(last < first);
  CHECK(stream.score(learner, 0, 4) > awake);
}

TEST_CASE("the same seed gives the same learner", "[continual]") {
  const Stream stream;
  const auto strategy = GENERATE(Strategy::replay_ewc, Strategy::derpp, Strategy::gdumb);
  const auto logits = [&] {
    ContinualLearner learner = learner_for(options_for(strategy));
    stream.teach(learner);
    return learner.logits(stream.test.latents);
  };
  CHECK(std::ranges::equal(logits().values<float>(), logits().values<float>()));
}

TEST_CASE("a strategy that rehearses needs a memory", "[continual]") {
  ContinualOptions options = options_for(Strategy::ace);
  options.memory.reset();
  CHECK_THROWS_AS(learner_for(options), Failure);
}

TEST_CASE("a memory of distinct exemplars keeps an example once, however often it is met", "[exemplars]") {
  Stream stream;
  ExemplarOptions options{.budget_bytes = 2000 * (kWidth + 5)};
  options.distinct = true;
  ExemplarMemory memory(kWidth, options);
  for (int epoch = 0; epoch < 3; ++epoch) memory.offer(stream.tasks[0]);
  CHECK(memory.size() == stream.tasks[0].size());
}
