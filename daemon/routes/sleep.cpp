#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "config/text.h"
#include "daemon/oip/codec.h"
#include "daemon/report/night_page.h"
#include "daemon/routes/json_fields.h"
#include "daemon/routes/routes.h"
#include "daemon/routes/version_list.h"
#include "daemon/run_on.h"
#include "daemon/service/describe.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

std::optional<learning::Strategy> strategy_of(const json::object& body) {
  if (!body.contains("strategy")) return std::nullopt;
  const std::string text = text_field(body, "strategy");
  if (const auto strategy = learning::strategy_named(text)) return strategy;
  throw Failure(Errc::invalid, "strategy '" + text + "': expected one of " +
                                   config::join(learning::recipes(), &learning::Recipe::word));
}

/// Who has most to learn, if nobody is named.
const std::string& model_to_sleep(const Service& service) {
  const std::string* chosen = nullptr;
  std::size_t most = 0;
  for (const auto& [name, entry] : service.models()) {
    if (!entry.parts->learnable || (chosen && entry.served.fresh_labels <= most)) continue;
    chosen = &name;
    most = entry.served.fresh_labels;
  }
  return chosen ? *chosen : service.default_model();
}

asio::awaitable<Response> sleep_now(Service& service, Nights& nights, Request request) {
  const TensorBody body = decode_body(request);
  NightRequest night;
  night.model = text_field(body.json, "model", model_to_sleep(service));
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

/// A night's record with the version it made, and what became of that. Throws Failure(not_found).
json::object read_sleep(memory::Store& store, std::int64_t id) {
  const auto record = store.sleep(id);
  if (!record) throw Failure(Errc::not_found, "there was no sleep " + std::to_string(id));
  json::object object = describe(*record);
  for (const memory::VersionRecord& version : store.versions(record->model)) {
    if (version.sleep != id) continue;
    object["version"] = version.version;
    object["parent"] = version.parent;
    if (const auto why = store.get(rolled_back_key(record->model, version.version)))
      object["rolled_back"] = *why;
  }
  return object;
}

asio::awaitable<Response> sleep_report(Service& service, Nights& nights, std::int64_t id) {
  auto read = [&service, id] { return read_sleep(service.store(), id); };
  json::object object = co_await run_on(service.storage(), std::move(read));
  const json::object status = nights.status();
  if (object.at("state") == "running" && status.contains("stage")) {
    object["stage"] = status.at("stage");
    object["progress"] = status.at("progress");
  }
  co_return json_response(json::serialize(object));
}

asio::awaitable<Response> sleep_page(Service& service, std::int64_t id) {
  const auto active = [&service](const json::object& sleep) -> std::int64_t {
    const auto model = service.models().find(std::string(sleep.at("model").as_string()));
    return model == service.models().end() ? -1 : model->second.served.model->version;
  };
  auto read = [&service, id] { return read_sleep(service.store(), id); };
  const json::object sleep = co_await run_on(service.storage(), std::move(read));
  auto draw = [&service, sleep, active = active(sleep)] {
    const std::string model(sleep.at("model").as_string());
    return night_page(sleep, version_list(service.store(), model, active));
  };
  Response response;
  response.content_type = "text/html; charset=utf-8";
  // Nothing from elsewhere, whatever a label says.
  response.headers.emplace_back("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
  response.body = co_await run_on(service.storage(), std::move(draw));
  co_return response;
}

asio::awaitable<Response> sleep_route(Service& service, Nights& nights, Request request) {
  const auto id = static_cast<std::int64_t>(id_text(request.part("id"), "sleep"));
  const std::string* format = request.parameter("format");
  if (format && *format != "json" && *format != "html")
    throw Failure(Errc::invalid, "format '" + *format + "': expected json or html");
  if (format && *format == "html") co_return co_await sleep_page(service, id);
  co_return co_await sleep_report(service, nights, id);
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
    return sleep_route(service, nights, std::move(request));
  });
}

}  // namespace dormouse::daemon
