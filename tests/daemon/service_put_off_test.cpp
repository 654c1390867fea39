// Answers that are provisional because time or load puts the planner off.

#include <catch2/catch.hpp>
#include <list>

#include "tests/daemon/advised.h"

namespace dormouse::daemon {
namespace {

using Catch::Contains;

}  // namespace

TEST_CASE("an answer without time for the planner is provisional, and finished later", "[routing]") {
  Advised device;
  device.options.hrm.target_error.reset();
  device.options.hrm.router.accept = 1;
  device.options.hrm.latency_budget = std::chrono::microseconds(1);
  device.start();
  auto listener = device.running->on_io([&] { return device.running->service().events().subscribe(); });
  const Answered answered = device.running->ask(device.model.between());
  const RowAnswer& answer = answered.result.rows[0];
  CHECK(answer.provisional);
  CHECK(answer.decision.route == hrm::Route::hybrid);
  const std::string id = std::to_string(answered.ids[0]);
  const auto event = device.running->wait(listener->next(std::chrono::minutes(1)));
  REQUIRE(event);
  CHECK_THAT(*event, Contains("event: answer") && Contains("\"episode\":" + id + ",") &&
                         Contains("\"route\":\"high\""));
  const auto why = parsed(device.running->get("/v1/why/" + id));
  CHECK(why.at("final").at("high").as_string().size() > 0);
  CHECK_THAT(std::string(why.at("sentence").as_string()), Contains("provisional"));
  CHECK(why.at("pressure").at("put_off") == "budget");
  CHECK(why.at("pressure").at("budget_left_us").to_number<double>() < 1);
  CHECK(number(device.router().at("put_off").at("budget")) == 1);
  const Parameters batch = describe_flat(device.running->ask(device.crowd(2)));
  REQUIRE(batch.find("dormouse_provisional"));
  CHECK(std::get<bool>(*batch.find("dormouse_provisional")));
  listener.reset();
  device.options.hrm.latency_budget = std::chrono::minutes(1);
  device.start();
  CHECK(device.running->ask(device.model.between()).result.rows[0].decision.route == hrm::Route::high);
}

TEST_CASE("a provisional answer that nobody finishes is told of", "[routing]") {
  Advised device;
  device.options.hrm.router.accept = 1;
  device.options.hrm.latency_budget = std::chrono::microseconds(1);
  device.start();
  auto listener = device.running->on_io([&] { return device.running->service().events().subscribe(); });
  device.running->on_io([&] { device.running->service().routing().stop(); });
  const auto id = std::to_string(device.running->ask(device.model.between()).ids.at(0));
  const auto event = device.running->wait(listener->next(std::chrono::seconds(1)));
  REQUIRE(event);
  CHECK_THAT(*event, Contains("event: answer") && Contains("\"model\":\"colours\"") &&
                         Contains("\"episodes\":[" + id + "],") &&
                         Contains("\"error\":\"the daemon stops\""));
  const auto why = parsed(device.running->get("/v1/why/" + id));
  CHECK(why.at("final").at("error") == "the daemon stops");
}

TEST_CASE("what is forgotten before it was finished is not finished", "[routing]") {
  Advised device;
  device.options.hrm.target_error.reset();  // nothing is audited
  device.options.hrm.router.accept = 1;
  device.options.hrm.latency_budget = std::chrono::microseconds(1);
  device.options.models[1].concurrency = 1;
  device.start();
  Service& service = device.running->service();
  auto listener = device.running->on_io([&] { return service.events().subscribe(); });
  device.hold("sage");
  const memory::EpisodeId id = device.running->ask(device.model.between()).ids.at(0);
  device.running->wait(service.forget({.model = "colours", .ids = std::vector{id}}, false));
  std::string told;  // while the planner is busy
  while (told.find("event: answer") == told.npos) {
    const auto more = device.running->wait(listener->next(std::chrono::minutes(1)));
    REQUIRE(more);
    told += *more;
  }
  CHECK_THAT(told, Contains("\"episode\":" + std::to_string(id) + ",") &&
                       Contains("\"error\":\"it was forgotten\"") && !Contains("\"label\""));
  CHECK(device.running->on_io([&] { return service.routing().finished(id); }) == nullptr);
  device.let_go();
  CHECK_FALSE(device.router().contains("compute"));  // of the planner there was none
}

TEST_CASE("while too many wait the planner is put off, and finishes later", "[routing]") {
  Advised device;
  device.options.hrm.target_error.reset();
  device.options.hrm.router.accept = 1;
  device.options.hrm.busy = 0;  // so many always wait
  device.start();
  auto listener = device.running->on_io([&] { return device.running->service().events().subscribe(); });
  const Answered answered = device.running->ask(device.model.between());
  const RowAnswer& answer = answered.result.rows[0];
  CHECK(answer.provisional);
  CHECK(answer.pressure.put_off == PutOff::load);
  CHECK_THAT(answer.decision.why.sentence, Contains("too many requests wait"));
  const auto event = device.running->wait(listener->next(std::chrono::minutes(1)));
  REQUIRE(event);
  CHECK_THAT(*event, Contains("event: answer") && Contains("\"route\":\"high\""));
  CHECK(number(device.router().at("put_off").at("load")) == 1);
  const auto why = parsed(device.running->get("/v1/why/" + std::to_string(answered.ids[0])));
  CHECK(why.at("pressure").at("put_off") == "load");
  CHECK(why.at("pressure").as_object().if_contains("budget_left_us") == nullptr);
  listener.reset();
  device.options.hrm.busy = 1;
  device.start();
  CHECK_FALSE(device.running->ask(device.model.between()).result.rows[0].provisional);
}

TEST_CASE("a batch that waits is as busy as its rows", "[routing]") {
  Advised device;
  device.options.hrm.target_error.reset();
  device.options.hrm.router.accept = 1;
  device.options.hrm.busy = 5;
  device.options.process.threads = 1;
  device.start();
  Service& service = device.running->service();
  std::list<InferenceQueue::Turn> turns;
  const auto take = [&]() -> boost::asio::awaitable<void> {
    auto turn = service.turn("colours", Urgency());
    turns.push_back(co_await std::move(turn));
  };
  for (int slot = 0; slot < 2; ++slot) device.running->wait(take());
  auto first = device.running->begin(service.infer("colours", {device.model.between()}, false));
  auto batch = device.running->begin(service.infer("colours", {device.crowd(5)}, false));
  device.running->on_io([&] { turns.pop_back(); });
  const Pressure pressure = first.get().result.rows[0].pressure;
  CHECK(pressure.waiting == 5);
  CHECK(pressure.put_off == PutOff::load);
  CHECK(batch.get().result.rows[0].pressure.put_off == PutOff::no);
  device.running->on_io([&] { turns.clear(); });
}

}  // namespace dormouse::daemon
