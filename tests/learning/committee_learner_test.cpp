#include "learning/committee_learner.h"

#include "learning/calibration.h"
#include "tests/learning/clusters.h"
#include "tests/learning/parts.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

constexpr std::uint64_t kSeed = 7;
constexpr std::size_t kWidth = 12, kClasses = 6, kBatch = 10;

struct Life {
  Clusters clusters{kClasses, kWidth, 0.9, kSeed};
  LabelledLatents test = clusters.draw(200, 0, kClasses);

  CommitteeLearner learner(std::size_t budget, double statistics_share) {
    CommitteeOptions options;
    options.budget_bytes = budget;
    options.network = {.rate = 0.01f, .replay_batch = 20};
    options.night_steps = 200;
    options.statistics_share = statistics_share;
    options.seed = kSeed;
    Parts parts(kSeed);
    return {parts.mlp(kWidth, 24, kClasses), options};
  }

  /// Two classes a day, a night after each.
  void live(CommitteeLearner& learner) {
    for (std::size_t day = 0; day < 3; ++day) {
      const LabelledLatents lesson = clusters.draw(300, 2 * day, 2 * day + 2);
      for (std::size_t at = 0; at + kBatch <= lesson.size(); at += kBatch) {
        std::vector<std::size_t> rows(kBatch);
        for (std::size_t i = 0; i < kBatch; ++i) rows[i] = at + i;
        learner.learn(gather(lesson, rows));
      }
      learner.sleep();
    }
  }

  double score(const Tensor& logits) const {
    return accuracy(predictions(logits), test.classes, 0, kClasses);
  }
};

}  // namespace

TEST_CASE("a committee forgets no class and is at least as good as its network", "[committee]") {
  Life life;
  CommitteeLearner learner = life.learner(3000, 0.6);
  life.live(learner);
  const double together = life.score(learner.logits(life.test.latents));
  CHECK(together >= life.score(learner.network().logits(life.test.latents)) - 0.005);
  CHECK(together > 0.8);
  const auto said = predictions(learner.logits(life.test.latents));
  for (std::size_t c = 0; c < kClasses; ++c) CHECK(accuracy(said, life.test.classes, c, c + 1) > 0.5);
}

TEST_CASE("a committee keeps to its budget, and a discriminant that is too dear has no seat", "[committee]") {
  Life life;
  for (const double share : {0.0, 0.6}) {
    CommitteeLearner learner = life.learner(2000, share);
    life.live(learner);
    CHECK(learner.committee().weights.size() == (share > 0 ? 3u : 2u));
    CHECK(learner.bytes() <= 2000);
    CHECK(learner.bytes() > 1800);
  }
}

TEST_CASE("before its first night a committee answers with its network", "[committee]") {
  Life life;
  CommitteeLearner learner = life.learner(3000, 0.6);
  learner.learn(life.clusters.draw(10, 0, 2));
  const Tensor answer = learner.logits(life.test.latents),
               network = learner.network().logits(life.test.latents);
  CHECK(std::ranges::equal(answer.values<float>(), network.values<float>()));
}

TEST_CASE("a discriminant survives its packing", "[slda]") {
  Clusters clusters(4, kWidth, 0.8, kSeed);
  const LabelledLatents lesson = clusters.draw(200, 0, 4), test = clusters.draw(300, 0, 4);
  SldaHead head(kWidth, Statistics(4, ClassStatistics(kWidth)), {});
  for (std::size_t i = 0; i < lesson.size(); ++i) head.observe(lesson.row(i), lesson.classes[i]);
  auto state = head.packed();
  std::size_t bytes = 0;
  for (const auto& [name, tensor] : state) bytes += tensor.byte_size();
  CHECK(bytes == SldaHead::packed_bytes(kWidth, 4));

  const SldaHead again = SldaHead::unpacked(state, {});
  const auto before = predictions(logits_of(head.head(), test.latents)),
             after = predictions(logits_of(again.head(), test.latents));
  std::size_t same = 0;
  for (std::size_t i = 0; i < before.size(); ++i) same += before[i] == after[i];
  CHECK(same >= before.size() - 2);

  state.at("deviations") = Tensor(engine::DType::f32, Shape{3});
  CHECK_THROWS_AS(SldaHead::unpacked(state, {}), Failure);
  state.erase("deviations");
  CHECK_THROWS_AS(SldaHead::unpacked(state, {}), Failure);
}
