#include "tests/bench/ladder/run.h"

#include <catch2/catch.hpp>
#include <map>

#include "tests/bench/ladder/jobs.h"
#include "tests/bench/ladder/small_data.h"

using namespace dormouse;
using namespace dormouse::bench;

namespace {

/// Answers rightly for the two classes met last; counts what it is shown.
class Recency final : public Learner {
 public:
  explicit Recency(std::size_t classes) : classes_(classes) {}

  void observe(const learning::LabelledLatents& batch) override {
    ++batches;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      ++shown[batch.row(i)[0]];
      label_[batch.row(i)[0]] = batch.classes[i];
      latest_ = batch.classes[i] / 2;
    }
  }
  void sleep(const std::function<void()>& looked_at) override {
    asleep_ = true;
    looked_at();
    asleep_ = false;
  }
  engine::Tensor answer(const engine::Tensor& inputs) override {
    const auto rows = inputs.shape()[0];
    engine::Tensor logits(engine::DType::f32, engine::Shape{rows, static_cast<std::int64_t>(classes_)});
    const auto values = logits.mutable_values<float>();
    for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
      const auto label = label_.find(inputs.values<float>()[i * static_cast<std::size_t>(inputs.shape()[1])]);
      const bool knows = !asleep_ && label != label_.end() && label->second / 2 == latest_;
      values[i * classes_ + (knows ? label->second : latest_ * 2)] = 1;
    }
    return logits;
  }
  std::size_t bytes() const override { return batches < 5 ? 100 : 10; }

  std::map<float, int> shown;
  std::size_t batches = 0;

 private:
  std::size_t classes_;
  std::map<float, learning::ClassIndex> label_;
  learning::ClassIndex latest_ = 0;
  bool asleep_ = false;
};

struct Life {
  DataSet data{small_examples(4, 1, 12, 0), small_examples(4, 1, 12, 0)};
  Stream stream = two_classes_a_task(data, 1);
  Recency learner{4};
};

}  // namespace

TEST_CASE("a climb shows every example once an epoch and tests every task met after each", "[ladder]") {
  Life life;
  const Climb result = climb(life.learner, life.stream, {.batch = 5, .epochs = 3}, 1);
  CHECK(life.learner.shown.size() == 48);
  for (const auto& [value, times] : life.learner.shown) CHECK(times == 3);
  CHECK(life.learner.batches == 2 * 3 * 5);  // 24 examples in batches of 5: the last has 4
  REQUIRE(result.accuracy.size() == 2);
  CHECK(result.accuracy[0] == std::vector<double>{100});
  CHECK(result.accuracy[1] == std::vector<double>{0, 100});
  CHECK(result.worst_person == Approx(50));
  CHECK(result.bytes == 10);
  CHECK(result.sleeps == 2);
  REQUIRE(result.lowest_asleep);
  CHECK(*result.lowest_asleep < 100);
}

TEST_CASE("a schedule by steps goes through the examples as often as it takes", "[ladder]") {
  Life life;
  climb(life.learner, life.stream, {.batch = 12, .epochs = 1, .steps = 7}, 1);
  CHECK(life.learner.batches == 14);
  for (const auto& [value, times] : life.learner.shown) CHECK((times == 3 || times == 4));
}

TEST_CASE("joint training mixes the tasks and is tested on each", "[ladder]") {
  Life life;
  const Climb result = climb_jointly(life.learner, life.stream, {.batch = 8, .epochs = 2}, 1);
  CHECK(life.learner.shown.size() == 48);
  CHECK(life.learner.batches == 12);
  REQUIRE(result.accuracy.size() == 1);
  CHECK(result.accuracy[0].size() == 2);
}

TEST_CASE("jobs run to the end, and a failure among them is told", "[ladder]") {
  CHECK(run_jobs({{"well", [] {}}, {"well too", [] {}}}, 2));
  CHECK_FALSE(run_jobs({{"fails", [] { throw Failure(Errc::io, "on purpose"); }}, {"well", [] {}}}, 1));
}
