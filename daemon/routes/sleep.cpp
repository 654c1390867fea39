#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "daemon/oip/codec.h"
#include "daemon/routes/json_fields.h"
#include "daemon/routes/routes.h"
#include "daemon/run_on.h"
#include "daemon/service/describe.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

learning::Strategy strategy_of(const json::object& body) {
  const std::string text =
      text_field(body, "strategy", std::string(word(learning::Strategy::replay_ewc)));
  if (const auto strategy = learning::strategy_named(text)) return *strategy;
  std::string names;
  for (const learning::Recipe& recipe : learning::recipes())
    names += (names.empty() ? "" : ", ") + std::string(recipe.word);
  throw Failure(Errc::invalid, "strategy '" + text + "': expected one of " + names);
}

asio::awaitable<Response> sleep_now(Service& service, Nights& nights, Request request) {
  const TensorBody body = decode_body(request);
  NightRequest night;
  night.model = text_field(body.json, "model", service.models().begin()->first);
  night.strategy = strategy_of(body.json);
  night.trial = flag_field(body.json, "trial");
  night.budget_seconds = seconds_field(body.json, "budget");
  const std::int64_t id = co_await nights.start(night);
  co_return json_response(json::serialize(json::object{{"sleep", id}}), 202);
}

json::object describe(const memory::SleepRecord& record) {
  json::object object{{"sleep", record.id},
                      {"model", record.model},
                      {"state", word(record.state)},
                      {"started", iso_time(record.started)}};
  object["ended"] = record.ended ? json::value(iso_time(*record.ended)) : json::value(nullptr);
  boost::system::error_code error;
  json::value report = json::parse(record.report.empty() ? "null" : record.report, error);
  object["report"] = error ? json::value(nullptr) : std::move(report);
  return object;
}

asio::awaitable<Response> sleep_report(Service& service, Nights& nights, std::int64_t id) {
  auto read = [&service, id] { return service.store().sleep(id); };
  const auto record = co_await run_on(service.storage(), std::move(read));
  if (!record) throw Failure(Errc::not_found, "there was no sleep " + std::to_string(id));
  json::object object = describe(*record);
  const json::object status = nights.status();
  if (record->state == memory::SleepState::running && status.contains("stage")) {
    object["stage"] = status.at("stage");
    object["progress"] = status.at("progress");
  }
  co_return json_response(json::serialize(object));
}

asio::awaitable<Response> sleeps(Service& service) {
  auto read = [&service] {
    json::array list;
    for (const memory::SleepRecord& record : service.store().sleeps(50)) list.push_back(describe(record));
    return json::serialize(list);
  };
  co_return json_response(co_await run_on(service.storage(), std::move(read)));
}

Response sleep_stop(Nights& nights) {
  const auto id = nights.interrupt();
  if (!id) throw Failure(Errc::conflict, "no night is running");
  return json_response(json::serialize(json::object{{"sleep", *id}}), 202);
}

}  // namespace

void add_sleep_routes(Router& router, Service& service, Nights& nights) {
  router.add(
      Method::post, "/v1/sleep",
      [&service, &nights](Request request) { return sleep_now(service, nights, std::move(request)); },
      Role::admin);
  router.add(
      Method::post, "/v1/sleep/stop",
      [&nights](Request) -> asio::awaitable<Response> { co_return sleep_stop(nights); }, Role::admin);
  router.add(Method::get, "/v1/sleeps", [&service](Request) { return sleeps(service); });
  router.add(Method::get, "/v1/sleeps/{id}", [&service, &nights](Request request) {
    return sleep_report(service, nights, static_cast<std::int64_t>(id_text(request.part("id"), "sleep")));
  });
}

}  // namespace dormouse::daemon
