// Thoughts that are put off, interrupted and finished behind their answers.

#include <boost/json/value_to.hpp>
#include <catch2/catch.hpp>

#include "daemon/service/describe.h"
#include "tests/daemon/thinkers.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;
using namespace engine;
using Catch::Matchers::Contains;
using learning::Puzzle;

}  // namespace

TEST_CASE("a thought whose time is over is answered with what there is, and finished later", "[planning]") {
  Thinkers device;
  device.start();
  const Puzzle maze = puzzle_of("maze", 17, 5);
  const std::int64_t needed = device.ask("maze", maze.input).result.plans[0].steps;
  REQUIRE(needed > 3);
  auto listener = device.running->on_io([&] { return device.running->service().events().subscribe(); });
  const Answered early = device.ask("maze", maze.input, with(0, std::chrono::microseconds(0)));
  const Plan& plan = early.result.plans[0];
  const auto drawn = [](const json::value& told) { return std::string(told.at("drawing").as_string()); };
  const std::string drawing = drawn(device.why(early));
  CHECK(plan.provisional);
  CHECK(plan.halt == hrm::Halt::time);
  CHECK(plan.steps == 1);
  CHECK(plan.answer.size() == 289);
  CHECK(std::get<bool>(*describe_flat(early).find("dormouse_provisional")));
  const auto event = device.running->wait(listener->next(std::chrono::minutes(1)));
  REQUIRE(event);
  CHECK_THAT(*event, Contains("event: answer") && Contains("\"model\":\"maze\"") &&
                         Contains("\"episode\":" + std::to_string(early.ids[0]) + ",") &&
                         Contains("\"halt\":\"verified\"") &&
                         Contains("\"steps\":" + std::to_string(needed) + ","));
  const auto why = device.why(early);
  CHECK(why.at("provisional").as_bool());
  CHECK(why.at("steps").to_number<int>() == 1);
  const auto& final = why.at("final");
  CHECK(final.at("steps").to_number<std::int64_t>() == needed);
  CHECK(json::value_to<std::vector<std::uint8_t>>(final.at("answer")) == maze.answer);
  CHECK(drawn(why) == drawing);  // of the answer that was given
  CHECK(drawn(final) == learning::puzzle_called("maze").draw(maze.input, maze.answer));
  CHECK(device.status("maze").at("provisional").to_number<int>() == 1);
  CHECK(device.status("maze").at("waiting").to_number<int>() == 0);
  listener.reset();
  device.options.hrm.latency_budget = std::chrono::minutes(1);
  device.start();
  CHECK_FALSE(device.ask("maze", maze.input).result.plans[0].provisional);
}

TEST_CASE("a thought that nobody finishes is told of", "[planning]") {
  Thinkers device;
  device.start();
  auto listener = device.running->on_io([&] { return device.running->service().events().subscribe(); });
  device.running->on_io([&] { device.running->service().planning().stop(); });
  const Answered early =
      device.ask("maze", puzzle_of("maze", 17, 5).input, with(0, std::chrono::microseconds(0)));
  REQUIRE(early.result.plans[0].provisional);
  const auto event = device.running->wait(listener->next(std::chrono::seconds(1)));
  REQUIRE(event);
  CHECK_THAT(*event, Contains("event: answer") && Contains("\"model\":\"maze\"") &&
                         Contains("\"episodes\":[" + std::to_string(early.ids[0]) + "],") &&
                         Contains("\"error\":\"the daemon stops\""));
  CHECK(device.why(early).at("final").at("error") == "the daemon stops");
}

TEST_CASE("many thoughts that nobody finishes cost no listener its place", "[planning]") {
  constexpr std::int64_t kRows = 300;  // more than a listener may have before him
  Thinkers device;
  device.start();
  auto listener = device.running->on_io([&] { return device.running->service().events().subscribe(); });
  const Puzzle maze = puzzle_of("maze", 9, 1);
  std::vector<float> rows;
  for (std::int64_t row = 0; row < kRows; ++row)
    rows.insert(rows.end(), maze.input.values<float>().begin(), maze.input.values<float>().end());
  const Answered early =
      device.ask("maze", Tensor::from<float>({kRows, 3, 9, 9}, rows), with(0, std::chrono::microseconds(0)));
  const auto how_often = [](std::string_view text, std::string_view what) {
    std::size_t often = 0;
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++often;
    return often;
  };
  std::string told;  // several events may come at once
  std::size_t finished = 0, left = 0;
  while (finished + left < early.ids.size()) {
    const auto more = device.running->wait(listener->next(std::chrono::minutes(1)));
    REQUIRE((more && more->find("event: ") != more->npos));  // no sign of life alone
    told += *more;
    finished = how_often(told, "\"episode\":");
    const auto begin = std::min(told.find("\"episodes\":["), told.size());
    const std::string list = told.substr(begin, told.find(']', begin) - begin);
    left = list.empty() ? 0 : how_often(list, ",") + 1;
  }
  CHECK(how_often(told, "\"episodes\":") == 1);
  CHECK(finished > 0);
  CHECK(finished + left == early.ids.size());
}

TEST_CASE("an interrupted thought goes on where it was", "[planning]") {
  const auto parts =
      load_model(model_called("maze", std::string(DORMOUSE_DEMO) + "/maze.onnx"), drivers::all_drivers());
  const Puzzle maze = puzzle_of("maze", 17, 5);
  InferenceJob job;
  job.inputs = {maze.input};
  job.thoughts = std::make_shared<std::vector<Thinking>>(1);
  const Plan whole = think(job, *parts->thinker, 0);
  job.thoughts = std::make_shared<std::vector<Thinking>>(1);
  int asked = 0, times = 0;
  job.may_go_on = [&] { return ++asked % 3 != 0; };
  Plan plan = think(job, *parts->thinker, 0);
  for (; plan.halt == hrm::Halt::preempted; ++times) {
    CHECK(plan.steps == 2 * (times + 1));
    plan = think(job, *parts->thinker, 0);
  }
  CHECK(times > 2);
  CHECK(plan.steps == whole.steps);
  CHECK(plan.answer == whole.answer);
  std::stop_source stop;
  stop.request_stop();
  job.thoughts = std::make_shared<std::vector<Thinking>>(1);
  job.stop = stop.get_token();
  job.may_go_on = {};
  CHECK_THROWS_AS(think(job, *parts->thinker, 0), Failure);
}

TEST_CASE("what is finished behind requests makes way for each of them", "[planning]") {
  Thinkers device;
  device.start();
  Service& service = device.running->service();
  std::optional<Scheduler::Foreground> request(service.scheduler().foreground());
  std::vector<int> steps;
  auto work = [&](std::function<bool()> may_go_on) {
    if (steps.size() == 3) request.reset();  // it is answered
    steps.push_back(0);
    while (steps.back() < 10 && may_go_on()) ++steps.back();
    return steps.back() == 10;
  };
  device.running->begin(service.behind_requests("maze", work, {})).get();
  CHECK(steps == std::vector<int>{1, 1, 1, 10});
}

}  // namespace dormouse::daemon
