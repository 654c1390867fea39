#include <catch2/catch.hpp>
#include <cmath>

#include "tests/daemon/running_service.h"

namespace dormouse::daemon {
namespace {

/// The small model as a stream of two channels: windows of four rows.
struct Brook {
  explicit Brook(std::int64_t hop = 0, std::uint64_t seed = 31, bool novelty = false) : model(seed) {
    model.write(folder.file(""), "colours");
    Options options = small_options(folder);
    options.models[0].stream = StreamOptions{.channels = 2, .hop = hop, .novelty = novelty};
    running.emplace(options, folder);
  }
  Pushed push(std::int64_t rows, bool wait = true, bool end = false) {
    engine::Tensor samples(engine::DType::f32, {rows, 2});
    for (float& x : samples.mutable_values<float>()) x = static_cast<float>(next++);
    return running->wait(running->streams().push("colours", samples, wait, end));
  }
  std::uint64_t next = 0;
  TemporaryFolder folder;
  SmallModel model;
  std::optional<RunningService> running;
};

std::vector<std::int64_t> windows(const Pushed& pushed) {
  std::vector<std::int64_t> numbers;
  for (const auto& answer : pushed.answers) numbers.push_back(answer.at("window").to_number<std::int64_t>());
  return numbers;
}

using Numbers = std::vector<std::int64_t>;

TEST_CASE("rows become windows, whatever the pieces they come in", "[streams]") {
  Brook brook;
  CHECK(windows(brook.push(3)).empty());
  CHECK(windows(brook.push(1)) == Numbers{0});
  CHECK(windows(brook.push(9)) == Numbers{1, 2});
  CHECK(windows(brook.push(3)) == Numbers{3});
}

TEST_CASE("answers go to whoever pushed the rows, and a clip that ends takes none of the next", "[streams]") {
  const bool end = GENERATE(false, true);
  Brook brook;
  const engine::Tensor rows(engine::DType::f32, {end ? 5 : 4, 2}), others(engine::DType::f32, {4, 2});
  Streams& streams = brook.running->streams();
  auto first = brook.running->begin(streams.push("colours", rows, true, end));
  auto second = brook.running->begin(streams.push("colours", others, true, false));
  auto third = brook.running->begin(streams.push("colours", others, !end, false));
  CHECK(windows(first.get()) == (end ? Numbers{0, 1} : Numbers{0}));
  CHECK(windows(second.get()) == Numbers{end ? 2 : 1});
  third.get();
  CHECK(windows(brook.push(4)) == Numbers{end ? 4 : 3});
}

TEST_CASE("windows overlap by a hop shorter than a window", "[streams]") {
  Brook brook(1);
  CHECK(windows(brook.push(4)) == Numbers{0});
  CHECK(windows(brook.push(1)) == Numbers{1});
  CHECK(windows(brook.push(3)) == Numbers{2, 3, 4});
}

TEST_CASE("a hop longer than a window leaves rows out, however they are pushed", "[streams]") {
  const std::int64_t piece = GENERATE(1, 3, 6, 24);
  INFO("pieces of " << piece);
  Brook brook(6);
  std::size_t answered = 0;
  for (std::int64_t pushed = 0; pushed < 24; pushed += piece) answered += brook.push(piece).answers.size();
  CHECK(answered == 4);
}

TEST_CASE("the end of a clip answers a last partial window, and the next push starts afresh", "[streams]") {
  Brook brook;
  const Pushed last = brook.push(6, true, true);
  REQUIRE(windows(last) == Numbers{0, 1});
  CHECK_FALSE(last.answers[0].contains("partial"));
  CHECK(last.answers[1].at("partial").as_bool());
  CHECK(windows(brook.push(3)).empty());
  CHECK(windows(brook.push(1)) == Numbers{2});
  CHECK(windows(brook.push(0, true, true)).empty());  // nothing fresh: no window of old rows
}

TEST_CASE("rows that overlap a window already answered make no partial window", "[streams]") {
  Brook brook(2);
  CHECK(windows(brook.push(4, true, true)) == Numbers{0});
  CHECK(windows(brook.push(5, true, true)) == Numbers{1, 2});
}

TEST_CASE("a push that does not wait drops and counts what finds no room", "[streams]") {
  Brook brook;
  const Pushed pushed = brook.push(1000, false);
  CHECK(pushed.accepted < 1000);
  CHECK(pushed.dropped == 1000 - pushed.accepted);
}

TEST_CASE("a push that waits loses nothing and says so", "[streams]") {
  Brook brook;
  const Pushed pushed = brook.push(1000, true);
  CHECK(pushed.accepted == 1000);
  CHECK(pushed.dropped == 0);
  REQUIRE(pushed.answers.size() == 250);
  for (std::size_t i = 0; i < 250; ++i) CHECK(pushed.answers[i].at("window").to_number<std::size_t>() == i);
}

TEST_CASE("pushes from many clients at once lose nothing", "[streams]") {
  Brook brook;
  std::vector<std::future<Pushed>> pushes;
  auto& running = *brook.running;
  for (int i = 0; i < 8; ++i) {
    engine::Tensor samples(engine::DType::f32, {20, 2});
    pushes.push_back(boost::asio::co_spawn(running.service().io(),
                                           running.streams().push("colours", samples, true, false),
                                           boost::asio::use_future));
  }
  std::size_t answers = 0;
  for (auto& push : pushes) answers += push.get().answers.size();
  CHECK(answers == 40);
}

/// Rows that swing, and one that does not.
engine::Tensor swinging(std::int64_t rows, std::int64_t first, std::optional<std::int64_t> leap = {}) {
  engine::Tensor samples(engine::DType::f32, {rows, 2});
  const auto values = samples.mutable_values<float>();
  for (std::int64_t i = 0; i < rows; ++i) {
    values[static_cast<std::size_t>(2 * i)] = static_cast<float>(std::sin(0.3 * double(first + i)));
    values[static_cast<std::size_t>(2 * i + 1)] = static_cast<float>(std::cos(0.7 * double(first + i)));
  }
  if (leap) values[static_cast<std::size_t>(2 * *leap + 1)] = 5;
  return samples;
}

TEST_CASE("a watched stream says in which window something new happened, once", "[streams]") {
  const std::int64_t hop = GENERATE(0, 1);  // a whole window, or windows that overlap
  INFO("hop " << hop);
  Brook brook(hop, 31, true);
  auto& running = *brook.running;
  const auto push = [&](engine::Tensor rows) {
    return running.wait(running.streams().push("colours", std::move(rows), true, false));
  };
  push(swinging(800, 0));
  const auto listener = running.on_io([&] { return running.streams().find("colours").subscribe(); });
  const Pushed pushed = push(swinging(20, 800, 10));
  std::vector<boost::json::object> alarms;
  for (const auto& answer : pushed.answers)
    if (answer.at("stream_novelty").at("alarm").as_bool()) alarms.push_back(answer);
  REQUIRE(alarms.size() == 1);
  const auto& news = alarms[0].at("stream_novelty");
  CHECK(news.at("channel") == 1);
  CHECK(news.at("row") == (hop == 1 ? 3 : 2));
  CHECK(news.at("strength").to_number<double>() > 0.5);

  std::string events;
  while (events.find("event: novelty") == events.npos) {
    const auto more = running.wait(listener->next(std::chrono::seconds(60)));
    REQUIRE(more);
    REQUIRE_FALSE(more->starts_with(":"));
    events += *more;
  }
  // However sure the answer was, it is worth remembering.
  const auto id = alarms[0].at("episode").to_number<std::uint64_t>();
  const auto episode = running.on_storage([&] {
    running.service().store().flush();
    return running.service().store().find(id);
  });
  REQUIRE(episode);
  CHECK(episode->novelty >= Service::kNovel);
  CHECK(episode->stream == "colours");
  CHECK(episode->importance >= Service::kNovel);
  CHECK(running.on_io([&] { return running.streams().status(); }).at("colours").at("alarms") == 1);
}

TEST_CASE("a stream of windows has no state to save or reset, and takes no rows that should be",
          "[streams]") {
  Brook brook;
  for (const char* target :
       {"/v1/streams/colours?save=1", "/v1/streams/colours/save", "/v1/streams/colours/reset"})
    CHECK(brook.running->post(target, "[1, 2]").status == 409);
  CHECK(parsed(brook.running->get("/v1/streams/colours")).at("rows") == 0);
}

TEST_CASE("a stream that is not watched says nothing of what is new in it", "[streams]") {
  Brook brook;
  CHECK_FALSE(brook.push(4).answers.at(0).contains("stream_novelty"));
}

TEST_CASE("rows of other channels and streams that are not there are refused", "[streams]") {
  Brook brook;
  auto& running = *brook.running;
  const engine::Tensor three(engine::DType::f32, {4, 3});
  CHECK_THROWS_WITH(running.wait(running.streams().push("colours", three, true, false)),
                    Catch::Contains("2 channels"));
  CHECK_THROWS_WITH(running.wait(running.streams().push("nobody", three, true, false)),
                    Catch::Contains("nobody"));
}

}  // namespace
}  // namespace dormouse::daemon
