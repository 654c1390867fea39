#include <signal.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "memory/store.h"
#include "tests/daemon/raw_client.h"
#include "tests/torture/home.h"

namespace dormouse::daemon {
namespace {

using Catch::Contains;
using Catch::StartsWith;

TEST_CASE("SIGTERM lets a request in flight be answered and ends with 0", "[torture]") {
  const int number = GENERATE(SIGTERM, SIGINT);
  const Home home(20);
  DormouseProcess process(home.folder);
  CHECK_THAT(process.notified(), StartsWith("STATUS="));
  RawClient idle(home.folder.file("user.sock"));
  RawClient client(home.folder.file("user.sock"));
  const std::string body = body_of(home.model.example("red", 1));
  client.say("POST /v2/models/colours/infer HTTP/1.1\r\nHost: x\r\nContent-Length: " +
             std::to_string(body.size()) + "\r\nExpect: 100-continue\r\n\r\n");
  CHECK_THAT(client.hear("\r\n\r\n"), Contains("100"));  // so it has begun
  process.signal(number);
  CHECK(process.notified() == "STOPPING=1");
  client.say(body);
  CHECK_THAT(client.hear_all(), Contains(" 200 ") && Contains("dormouse_label"));
  CHECK(process.wait() == 0);
  CHECK_FALSE(std::filesystem::exists(home.folder.file("user.sock")));
}

TEST_CASE("SIGHUP takes a valid configuration and keeps the running one otherwise", "[torture]") {
  const Home home(21);
  DormouseProcess process(home.folder);
  process.notified();  // STATUS=
  HttpClient user = process.user();
  const auto route = [&] {
    const auto answer = answer_of(user.send(
        {.method = "POST", .target = "/v2/models/colours/infer", .body = body_of(home.model.between())}));
    return std::string(answer.at("parameters").at("dormouse_route").as_string());
  };
  const auto reload = [&](const std::string& text) {
    write_file(home.folder, "dormouse.yaml", text);
    process.signal(SIGHUP);
    CHECK_THAT(process.notified(), StartsWith("RELOADING=1"));
    CHECK(process.notified() == "READY=1");
  };
  CHECK(route() == "low");
  reload(Home::configuration("1"));
  CHECK(route() == "hybrid");
  for (const char* bad : {"hrm: {acept: 0}\n", "models: [", ""}) {
    reload(Home::configuration("0") + bad + (*bad ? "" : "state: twice\n"));
    CHECK(route() == "hybrid");
  }
  CHECK_THAT(process.log(), Contains("not reloaded") && Contains("dormouse.yaml:"));
  std::filesystem::remove(home.folder.file("dormouse.yaml"));
  process.signal(SIGHUP);
  CHECK_THAT(process.notified(), StartsWith("RELOADING=1"));
  CHECK(process.notified() == "READY=1");
  CHECK(route() == "hybrid");
  reload(Home::configuration("0"));
  CHECK(route() == "low");
}

TEST_CASE("SIGTERM ends a night at once and records it", "[torture]") {
  const Home home(22);
  {
    DormouseProcess process(home.folder);
    HttpClient user = process.user(), admin = process.admin();
    for (std::uint64_t i = 0; i < 10; ++i)
      answer_of(user.send({.method = "POST",
                           .target = "/v1/models/colours/feedback",
                           .body = body_of(home.model.example("grey", i), R"(, "label": "grey")")}));
    answer_of(
        admin.send(
            {.method = "POST", .target = "/v1/sleep", .body = R"({"strategy": "joint", "trial": true})"}),
        202);
    process.signal(SIGTERM);
    CHECK(process.wait() == 0);
    CHECK_THAT(process.log(), Contains("stopped"));
  }
  const SystemClock clock;
  const memory::Store store({home.folder.file("state/dormouse.db"), {}, ""}, clock);
  const auto sleep = store.sleep(1);
  REQUIRE(sleep);
  INFO(word(sleep->state));
  CHECK((sleep->state == memory::SleepState::stopped || sleep->state == memory::SleepState::rejected));
  CHECK(store.labelled("colours").size() == 10);
}

TEST_CASE("a daemon whose active version is damaged serves the last good one and says so", "[torture]") {
  const Home home(24);
  std::string shipped;
  const auto answer = [&](DormouseProcess& process) {
    HttpClient user = process.user();
    return answer_of(user.send(
        {.method = "POST", .target = "/v2/models/colours/infer", .body = body_of(home.model.probes(1))}));
  };
  {
    DormouseProcess process(home.folder);
    HttpClient user = process.user(), admin = process.admin();
    for (std::uint64_t i = 0; i < 20; ++i)
      answer_of(user.send({.method = "POST",
                           .target = "/v1/models/colours/feedback",
                           .body = body_of(home.model.example("grey", i), R"(, "label": "grey")")}));
    shipped = boost::json::serialize(answer(process).at("outputs"));
    answer_of(admin.send({.method = "POST", .target = "/v1/sleep", .body = "{}"}), 202);
    while (answer_of(user.send({.target = "/v1/sleeps/1"})).at("state") == boost::json::value("running"))
      std::this_thread::yield();
    process.signal(SIGTERM);
    REQUIRE(process.wait() == 0);
  }
  const std::string weights = home.folder.file("state/models/colours/1/weights.safetensors");
  REQUIRE(std::filesystem::exists(weights));
  std::filesystem::resize_file(weights, 100);
  DormouseProcess process(home.folder);
  const auto now = answer(process);
  CHECK(now.at("model_version") == boost::json::value("0"));
  CHECK(boost::json::serialize(now.at("outputs")) == shipped);
  CHECK_THAT(process.log(), Contains("version 1") && Contains("weights.safetensors"));
}

}  // namespace
}  // namespace dormouse::daemon
