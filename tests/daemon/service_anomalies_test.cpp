#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "learning/anomaly_spec.h"
#include "learning/random.h"
#include "tests/daemon/running_service.h"

namespace dormouse::daemon {
namespace {

constexpr std::uint64_t kSeed = 5;

/// A daemon without a model, with one stream of two channels that finds its own anomalies.
struct Pump {
  Pump() {
    learning::write_anomaly_spec(folder.file("pump.yaml"),
                                 {.channels = 2, .false_alarms = 0.01, .hidden = 4, .oscillators = 4}, true);
    options.state = folder.file("state");
    options.process.threads = 2;
    options.streams.push_back({"pump", folder.file("pump.yaml"), std::chrono::seconds(10)});
    start();
  }
  void start() {
    running.reset();
    running.emplace(options, folder);
  }
  /// So many rows of a swinging machine; the last one is off by `spike`.
  engine::Tensor rows(std::int64_t count, float spike = 0) {
    engine::Tensor samples(engine::DType::f32, {count, 2});
    const auto values = samples.mutable_values<float>();
    for (std::size_t i = 0; i < values.size(); i += 2, ++time) {
      values[i] = static_cast<float>(std::sin(0.3 * time) + 0.1 * random.normal());
      values[i + 1] = static_cast<float>(std::cos(0.7 * time) + 0.1 * random.normal());
    }
    values[values.size() - 1] += spike;
    return samples;
  }
  Pushed push(engine::Tensor samples) {
    return running->wait(running->streams().push("pump", std::move(samples), true, false));
  }
  boost::json::object status() {
    return running->on_io([&] { return running->streams().status().at("pump").as_object(); });
  }

  TemporaryFolder folder;
  Options options;
  learning::Random random{kSeed};
  double time = 0;
  std::optional<RunningService> running;
};

std::uint64_t number(const boost::json::object& object, const char* key) {
  return object.at(key).to_number<std::uint64_t>();
}

}  // namespace

TEST_CASE("a stream without model or labels says what is unusual, and what was like it",
          "[streams][anomaly]") {
  INFO("seed " << kSeed);
  Pump pump;
  pump.push(pump.rows(1500));
  const auto listener = pump.running->on_io([&] { return pump.running->streams().find("pump").subscribe(); });
  const Pushed first = pump.push(pump.rows(50, 9));
  REQUIRE(first.answers.size() >= 1);
  const auto& event = first.answers.back();
  CHECK(number(event, "row") == 1549);
  CHECK(number(event, "channel") == 1);
  CHECK(event.at("p_value").to_number<double>() <= 0.01);
  CHECK(event.at("score").to_number<double>() > 1);

  std::string published;
  const std::string row = "\"row\":1549";
  while (published.find(row) == published.npos) {
    const auto more = pump.running->wait(listener->next(std::chrono::seconds(60)));
    REQUIRE(more);
    REQUIRE_FALSE(more->starts_with(":"));
    published += *more;
  }
  CHECK(published.find("event: anomaly") != published.npos);

  pump.push(pump.rows(300));
  const Pushed again = pump.push(pump.rows(50, 10));
  REQUIRE(again.answers.size() >= 1);
  const auto& like = again.answers.back().at("like").as_array();
  REQUIRE_FALSE(like.empty());
  CHECK(like[0].at("episode") == event.at("episode"));

  const auto episode = pump.running->on_storage([&] {
    pump.running->service().store().flush();
    return pump.running->service().store().find(number(event, "episode"));
  });
  REQUIRE(episode);
  CHECK(episode->model == "pump");
  CHECK(episode->prediction == event.at("aspect").as_string());
}

TEST_CASE("what a stream learnt and remembers is there after a restart", "[streams][anomaly]") {
  Pump pump;
  pump.push(pump.rows(1500));
  const Pushed first = pump.push(pump.rows(50, 9));
  REQUIRE_FALSE(first.answers.empty());
  const auto before = pump.status();
  pump.start();
  CHECK(pump.status() == before);
  pump.push(pump.rows(300));
  const Pushed again = pump.push(pump.rows(50, 10));
  REQUIRE_FALSE(again.answers.empty());
  CHECK(again.answers.back().at("like").at(0).at("episode") == first.answers.back().at("episode"));
}

TEST_CASE("a stream is saved when it is due, not sooner and not in vain", "[streams][anomaly]") {
  Pump pump;
  const auto file = std::filesystem::path(pump.options.state) / "streams" / "pump.safetensors";
  const auto save = [&] {
    auto task = [](Streams& streams) -> boost::asio::awaitable<bool> {
      co_await streams.save_when_due();
      co_return true;
    };
    pump.running->wait(task(pump.running->streams()));
  };
  pump.push(pump.rows(20));
  save();
  CHECK_FALSE(std::filesystem::exists(file));
  pump.running->advance(std::chrono::seconds(11));
  save();
  REQUIRE(std::filesystem::exists(file));
  std::filesystem::remove(file);
  pump.running->advance(std::chrono::seconds(11));
  save();  // nothing is new
  CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("values may be missing, and rows of other channels are refused", "[streams][anomaly]") {
  Pump pump;
  CHECK(pump.running->post("/v1/streams/pump", "[0.5, null]\n[null, 1]\n[1, 2]\n").status == 200);
  CHECK(number(pump.status(), "missing") == 2);
  CHECK(number(pump.status(), "samples") == 3);
  CHECK(pump.running->post("/v1/streams/pump", "[1, 2, 3]\n").status == 400);
  CHECK(pump.running->post("/v1/recall", "{}").status == 404);  // there is no model to recall for
  CHECK(pump.running->get("/v1/status").status == 200);
}

TEST_CASE("pushes that do not wait are dropped and counted when too much waits", "[streams][anomaly]") {
  Pump pump;
  const Pushed pushed = pump.running->wait(
      pump.running->streams().push("pump", engine::Tensor(engine::DType::f32, {70'000, 2}), false, false));
  CHECK(pushed.accepted == 0);
  CHECK(pushed.dropped == 70'000);
  CHECK(number(pump.status(), "samples") == 0);
}

TEST_CASE("an anomaly is named, recalled by its name and by likeness, and erased", "[streams][anomaly]") {
  Pump pump;
  auto& running = *pump.running;
  pump.push(pump.rows(1500));
  const Pushed first = pump.push(pump.rows(50, 9));
  REQUIRE_FALSE(first.answers.empty());
  const std::uint64_t id = number(first.answers.back(), "episode");
  const std::string episode = std::to_string(id);
  const auto teach = [&](const std::string& body) { return running.post("/v1/models/pump/feedback", body); };
  const auto recall = [&](const std::string& more) {
    const Reply reply = running.post("/v1/recall", R"({"model": "pump", "k": 50)" + more + "}");
    INFO(reply.body);
    REQUIRE(reply.status == 200);
    return parsed(reply).at("episodes").as_array();
  };
  const auto forget = [&](const std::string& what) {
    const Reply reply = running.admin("/v1/forget", R"({"model": "pump", )" + what + "}");
    INFO(reply.body);
    REQUIRE(reply.status == 200);
    return parsed(reply).at("episodes").to_number<std::uint64_t>();
  };

  CHECK(teach(R"({"label": "worn"})").status == 400);
  CHECK(teach(R"({"episode": )" + episode + R"(, "label": ""})").status == 400);
  CHECK(teach(R"({"episode": 123456, "label": "worn"})").status == 404);
  const Reply named = teach(R"({"episode": )" + episode + R"(, "label": "bearing worn"})");
  REQUIRE(named.status == 200);
  CHECK(parsed(named).at("new_class").as_bool());

  pump.push(pump.rows(300));
  const Pushed again = pump.push(pump.rows(50, 10));
  REQUIRE_FALSE(again.answers.empty());
  CHECK(again.answers.back().at("like").at(0).at("label") == "bearing worn");

  const std::size_t all = recall(R"(, "filter": {})").size();
  CHECK(all >= 2);
  const auto by_name = recall(R"(, "filter": {"label": "bearing worn"})");
  REQUIRE(by_name.size() == 1);
  CHECK(number(by_name[0].as_object(), "id") == id);
  const auto alike = recall(R"(, "episode": )" + episode);
  REQUIRE(alike.size() == all);
  CHECK(number(alike[0].as_object(), "id") == id);
  CHECK(running.post("/v1/recall", R"({"model": "pump"})").status == 400);
  CHECK(running.post("/v1/recall", R"({"model": "pump", "vector": [1]})").status == 400);

  CHECK(running.post("/v1/forget", R"({"model": "pump", "label": "bearing worn"})").status == 403);
  CHECK(forget(R"("label": "bearing worn", "dry_run": true)") == 1);
  CHECK(forget(R"("label": "bearing worn")") == 1);
  CHECK(forget(R"("label": "bearing worn")") == 0);
  CHECK(number(pump.status(), "remembered") == all - 1);
  pump.start();
  CHECK(number(pump.status(), "remembered") == all - 1);
  CHECK(pump.running->get("/v1/episodes/" + episode).status == 410);
  const Reply rest =
      pump.running->admin("/v1/forget", R"({"model": "pump", "like": {"vector": )" +
                                            std::string("[0,0,0,0,0,0,0,0,0,0]") + R"(}, "within": 1e9})");
  INFO(rest.body);
  REQUIRE(rest.status == 200);
  CHECK(parsed(rest).at("episodes").to_number<std::uint64_t>() == all - 1);
  CHECK(number(pump.status(), "remembered") == 0);
}

TEST_CASE("what is kept of a detector is saved when asked, and not reset by command", "[streams][anomaly]") {
  Pump pump;
  pump.push(pump.rows(20));
  const Reply saved = pump.running->post("/v1/streams/pump/save", "");
  REQUIRE(saved.status == 200);
  CHECK(parsed(saved).at("saved").to_number<std::uint64_t>() == 20);
  CHECK(pump.running->post("/v1/streams/pump/reset", "").status == 409);
}

}  // namespace dormouse::daemon
