#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>
#include <future>

#include "tests/daemon/raw_client.h"
#include "tests/daemon/running_server.h"
#include "tests/daemon/running_service.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// An infer request on one example, with these parameters.
std::string request_with(const Device& device, const std::string& parameters) {
  std::string data;
  const engine::Tensor example = device.model.example("red", 1);
  for (const float x : example.values<float>()) data += (data.empty() ? "" : ",") + std::to_string(x);
  return R"({"parameters": {)" + parameters +
         R"(}, "inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 8], "data": [)" + data + "]}]}";
}

}  // namespace

TEST_CASE("a request whose deadline has passed is not computed", "[requests]") {
  Device device(1);
  device.start();
  const auto post = [&](const std::string& parameters) {
    return device.running->post("/v2/models/colours/infer", request_with(device, parameters));
  };
  const Reply late = post(R"("dormouse_deadline_ms": 0)");
  CHECK(late.status == 504);
  CHECK(parsed(late).at("code") == "expired");
  CHECK(device.running->on_io([&] { return device.running->service().expired(); }) == 1);
  CHECK(device.running->on_io([&] { return device.running->service().model("colours").inferences; }) == 0);
  CHECK(post(R"("timeout": 0)").status == 200);  // none
  CHECK(post(R"("timeout": 60000000, "dormouse_priority": "background")").status == 200);
  CHECK(post(R"("dormouse_deadline_ms": 9223372036854775807)").status == 200);
  CHECK(post(R"("dormouse_priority": "soon")").status == 400);
  CHECK(post(R"("timeout": -1)").status == 400);
  CHECK_THAT(post(R"("dormouse_steps": 0)").body, Catch::Contains("from 1 up"));
  const Reply misspelt = post(R"("dormouse_step": 3)");
  CHECK(misspelt.status == 400);
  CHECK_THAT(misspelt.body,
             Catch::Contains("there is no parameter 'dormouse_step'") && Catch::Contains("dormouse_steps"));
  CHECK(post(R"("somebody_elses": 3)").status == 200);
}

TEST_CASE("requests computed in a batch are answered as if alone", "[requests]") {
  Device alone(1), together(1);
  alone.start();
  together.options.models[0].batching = BatchingOptions{.max = 3, .delay = 1h};
  together.start();
  Service& service = together.running->service();
  std::vector<std::future<Answered>> answers;
  const std::vector<std::string> colours{"red", "blue", "green"};
  for (const std::string& colour : colours)
    answers.push_back(
        together.running->begin(service.infer("colours", {together.model.example(colour, 4)}, false)));
  for (std::size_t i = 0; i < colours.size(); ++i) {
    const Answered got = answers[i].get();
    REQUIRE(got.result.rows.size() == 1);
    CHECK(got.ids.size() == 1);
    const auto want = alone.running->probabilities(alone.model.example(colours[i], 4));
    const auto& have = got.result.rows[0].decision.probabilities;
    REQUIRE(have.size() == want.size());
    for (std::size_t c = 0; c < want.size(); ++c) CHECK(have[c] == Approx(want[c]).margin(1e-5));
  }
  CHECK(together.running->on_io([&] { return service.model("colours").batcher->batches(); }) == 1);
}

TEST_CASE("no more of a model compute at once than it may", "[requests]") {
  Device device(1);
  device.options.models[0].concurrency = 1;
  device.start();
  Service& service = device.running->service();
  std::vector<std::future<Answered>> answers;
  for (std::uint64_t i = 0; i < 20; ++i)
    answers.push_back(
        device.running->begin(service.infer("colours", {device.model.example("red", i)}, false)));
  for (auto& answer : answers) CHECK(answer.get().result.rows.size() == 1);
  CHECK(device.running->on_io([&] { return service.queue().computing(); }) == 0);
}

TEST_CASE("a handler learns that its client hung up, and not when it has no more to say", "[requests]") {
  std::promise<void> started, gone;
  Router router;
  router.add(Method::post, "/wait", [&](Request request) -> asio::awaitable<Response> {
    asio::steady_timer timer(co_await asio::this_coro::executor,
                             std::chrono::steady_clock::time_point::max());
    const std::stop_callback wake(request.gone, [&timer] { timer.cancel(); });
    started.set_value();
    boost::system::error_code cancelled;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    gone.set_value();
    co_return Response{};
  });
  RunningServer server(std::move(router));
  RawClient client(server.path());
  client.say("POST /wait HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
  client.finish_saying();
  started.get_future().wait();
  auto noticed = gone.get_future();
  for (int i = 0; i < 10; ++i) server.on_io([] {});
  CHECK(noticed.wait_for(0s) == std::future_status::timeout);
  client.close();
  noticed.wait();
}

}  // namespace dormouse::daemon
