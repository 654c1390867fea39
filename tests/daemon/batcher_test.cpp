#include "daemon/service/batcher.h"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <catch2/catch.hpp>
#include <vector>

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using engine::DType;
using engine::Tensor;

/// A batcher before a model that doubles its one input, and notes how many rows it was given.
class Doubling {
 public:
  explicit Doubling(BatchingOptions options)
      : batcher(io, options,
                [this](InferenceJob job, Urgency urgency) { return compute(std::move(job), urgency); }) {}

  void ask(std::vector<float> values, Urgency urgency = {}, std::int64_t width = 1, InferenceJob job = {}) {
    job.inputs.push_back(Tensor::from<float>({std::ssize(values) / width, width}, values));
    const std::size_t index = answers.size();
    answers.emplace_back();
    failures.emplace_back();
    asio::co_spawn(io, batcher.compute(std::move(job), std::move(urgency)),
                   [this, index](std::exception_ptr error, InferenceResult result) {
                     try {
                       if (error) std::rethrow_exception(error);
                       const auto got = result.outputs.at(0).values<float>();
                       answers[index].assign(got.begin(), got.end());
                     } catch (const Failure& failure) {
                       failures[index] = failure.error().context;
                     }
                   });
    settle();
  }
  void settle() {
    io.restart();
    io.poll();
  }

  asio::io_context io;
  std::vector<std::int64_t> computed;
  std::vector<std::vector<float>> answers;
  std::vector<std::string> failures;
  bool one_answer_a_batch = false;
  Batcher batcher;

 private:
  asio::awaitable<InferenceResult> compute(InferenceJob job, Urgency urgency) {
    throw_if_late(urgency);
    computed.push_back(job.inputs[0].shape()[0]);
    Tensor twice = job.inputs[0].clone();
    for (float& value : twice.mutable_values<float>()) value *= 2;
    if (twice.values<float>()[0] < 0) throw Failure(Errc::invalid, "negative");
    InferenceResult result;
    result.outputs.push_back(one_answer_a_batch ? twice.rows(0, 1) : twice);
    co_return result;
  }
};

using Rows = std::vector<float>;

}  // namespace

TEST_CASE("a full batch is computed at once, and each request has its own rows", "[batcher]") {
  Doubling model({.max = 4, .delay = 1h});
  model.ask({1});
  model.ask({2, 3});
  CHECK(model.computed.empty());
  model.ask({4});
  CHECK(model.computed == std::vector<std::int64_t>{4});
  CHECK(model.answers == std::vector<Rows>{{2}, {4, 6}, {8}});
  CHECK(model.batcher.batches() == 1);
  CHECK(model.batcher.rows() == 4);
}

TEST_CASE("a batch does not wait longer than its delay", "[batcher]") {
  Doubling model({.max = 8, .delay = 0us});
  model.ask({5});
  while (model.computed.empty()) model.settle();
  CHECK(model.answers[0] == Rows{10});
}

TEST_CASE("inputs of other shapes begin another batch", "[batcher]") {
  Doubling model({.max = 2, .delay = 1h});
  model.ask({1});
  model.ask({2, 3}, {}, 2);
  CHECK(model.computed == std::vector<std::int64_t>{1});  // nothing more can join it
  model.ask({4, 5}, {}, 2);
  CHECK(model.computed == std::vector<std::int64_t>{1, 2});
  CHECK(model.answers == std::vector<Rows>{{2}, {4, 6}, {8, 10}});
}

TEST_CASE("what another judge or planner decides begins another batch", "[batcher]") {
  Doubling model({.max = 2, .delay = 1h});
  const auto judge = std::make_shared<const hrm::Judge>();
  Served planner;
  planner.model = std::make_shared<const engine::PublishedModel>();
  const auto ask = [&](float value, bool judged, bool planned) {
    InferenceJob job;
    if (judged) job.judge = judge;
    if (planned) job.planner = planner;
    model.ask({value}, {}, 1, std::move(job));
  };
  ask(1, false, false);
  ask(2, true, false);
  ask(3, true, true);
  CHECK(model.computed == std::vector<std::int64_t>{1, 1});
  ask(4, true, true);
  CHECK(model.computed == std::vector<std::int64_t>{1, 1, 2});
}

TEST_CASE("a batch fails as one", "[batcher]") {
  Doubling model({.max = 2, .delay = 1h});
  model.ask({-1});
  model.ask({2});
  CHECK(model.failures == std::vector<std::string>{"negative", "negative"});
}

TEST_CASE("who is late or gone leaves a batch to the others", "[batcher]") {
  Doubling model({.max = 3, .delay = 1h});
  std::stop_source client;
  model.ask({1}, {.gone = client.get_token()});
  client.request_stop();
  model.settle();
  CHECK(model.failures[0] == "nobody waits for the answer any more");
  model.ask({2}, {.deadline = std::chrono::steady_clock::now() + 200ms});  // enough to join
  while (model.failures[1].empty()) model.settle();
  CHECK(model.failures[1] == "its deadline passed before it was computed");
  model.ask({3});
  CHECK(model.computed == std::vector<std::int64_t>{1});  // three came, one is left
  CHECK(model.answers[2] == Rows{6});
}

TEST_CASE("outputs that do not follow the batch are not divided", "[batcher]") {
  Doubling model({.max = 2, .delay = 1h});
  model.one_answer_a_batch = true;
  model.ask({1});
  model.ask({2});
  CHECK_THAT(model.failures[0], Catch::Contains("turn 'batching' off"));
}

TEST_CASE("only jobs that leave room for others are taken", "[batcher]") {
  Doubling model({.max = 4, .delay = 1h});
  const auto takes = [&](std::vector<engine::Shape> shapes) {
    InferenceJob job;
    for (const engine::Shape& shape : shapes) job.inputs.emplace_back(DType::f32, shape);
    return model.batcher.takes(job);
  };
  CHECK(takes({{1, 3}}));
  CHECK(takes({{2, 3}, {2}}));
  CHECK_FALSE(takes({{4, 3}}));
  CHECK_FALSE(takes({{0, 3}}));
  CHECK_FALSE(takes({{2, 3}, {1}}));
  CHECK_FALSE(takes({{1}, {}}));
  CHECK_FALSE(takes({}));
}

}  // namespace dormouse::daemon
