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

asio::awaitable<Response> feedback(Service& service, Request request) {
  const std::string name = request.part("m");
  const Entry& entry = service.learning_model(name);
  TensorBody body = decode_body(request);
  const std::string label = text_field(body.json, "label");
  const json::value* given = body.json.if_contains("episode");
  if (given && !body.inputs.empty())
    throw Failure(Errc::invalid, "give either 'episode' or 'inputs', not both");
  memory::EpisodeId id = 0;
  if (given) {
    id = id_field(body.json, "episode");
  } else {
    InferRequest inference;
    inference.inputs = std::move(body.inputs);
    if (inference.inputs.empty())
      throw Failure(Errc::invalid, "give the 'episode' or the 'inputs' that the label is for");
    auto inputs = inputs_of(*entry.parts, inference, clip_flag(body.json));
    const Answered answered = co_await service.infer(name, std::move(inputs), false);
    if (answered.ids.size() != 1)
      throw Failure(Errc::invalid, "feedback takes one input at a time, not a batch");
    id = answered.ids[0];
  }
  const TaughtAnswer taught = co_await service.teach(name, id, label);
  co_return json_response(json::serialize(json::object{{"episode", taught.episode},
                                                       {"label", taught.label},
                                                       {"new_class", taught.new_class},
                                                       {"held_out", taught.held_out}}));
}

/// Accuracy by class after the night that made a version, from its report.
json::object accuracy_of(const std::string& report) {
  json::object accuracy;
  boost::system::error_code error;
  const json::value parsed = json::parse(report, error);
  if (error || !parsed.is_object()) return accuracy;
  const json::value* classes = parsed.get_object().if_contains("classes");
  if (!classes || !classes->is_array()) return accuracy;
  for (const json::value& row : classes->get_array())
    if (const json::object* object = row.if_object();
        object && object->contains("label") && object->contains("after"))
      accuracy[object->at("label").as_string()] = object->at("after");
  return accuracy;
}

asio::awaitable<Response> versions(Service& service, Request request) {
  const std::string name = request.part("m");
  const Entry& entry = service.learning_model(name);
  const std::int64_t active = entry.served.model->version;
  auto read = [&service, name, active] {
    json::array list{{{"version", 0}, {"parent", nullptr}, {"state", active == 0 ? "active" : "shipped"}}};
    for (const memory::VersionRecord& record : service.store().versions(name)) {
      const auto sleep = service.store().sleep(record.sleep);
      list.push_back({{"version", record.version},
                      {"parent", record.parent},
                      {"sleep", record.sleep},
                      {"time", iso_time(record.time)},
                      {"state", record.version == active ? "active" : word(record.state)},
                      {"accuracy", sleep ? accuracy_of(sleep->report) : json::object()}});
    }
    return json::serialize(list);
  };
  co_return json_response(co_await run_on(service.storage(), std::move(read)));
}

/// The version to go back to: the one asked for, else the parent of the one in service.
std::int64_t rollback_target(const Entry& entry, const std::vector<memory::VersionRecord>& all) {
  const std::int64_t active = entry.served.model->version;
  for (const memory::VersionRecord& record : all)
    if (record.version == active) return record.parent;
  throw Failure(Errc::conflict, "the shipped weights are in service; there is nothing to roll back");
}

asio::awaitable<Response> rollback(Service& service, Request request) {
  const std::string name = request.part("m");
  const Entry& entry = service.learning_model(name);
  const TensorBody body = decode_body(request);
  std::int64_t target = 0;
  if (body.json.contains("version")) {
    target = static_cast<std::int64_t>(id_field(body.json, "version"));
  } else {
    auto read = [&service, name] { return service.store().versions(name); };
    const auto all = co_await run_on(service.storage(), std::move(read));
    target = rollback_target(entry, all);
  }
  co_await service.roll_back(name, target);
  co_return json_response(json::serialize(json::object{{"model", name}, {"version", target}}));
}

learning::Strategy strategy_of(const json::object& body) {
  const std::string text = text_field(body, "strategy", "replay");
  using enum learning::Strategy;
  for (const learning::Strategy strategy : {replay, finetune, joint})
    if (text == word(strategy)) return strategy;
  throw Failure(Errc::invalid, "strategy '" + text + "': expected replay, finetune or joint");
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

}  // namespace

void add_learning_routes(Router& router, Service& service, Nights& nights) {
  router.add(Method::post, "/v1/models/{m}/feedback",
             [&service](Request request) { return feedback(service, std::move(request)); });
  router.add(Method::get, "/v1/models/{m}/versions",
             [&service](Request request) { return versions(service, std::move(request)); });
  router.add(
      Method::post, "/v1/models/{m}/rollback",
      [&service](Request request) { return rollback(service, std::move(request)); }, Role::admin);
  router.add(
      Method::post, "/v1/sleep",
      [&service, &nights](Request request) { return sleep_now(service, nights, std::move(request)); },
      Role::admin);
  router.add(Method::get, "/v1/sleeps", [&service](Request) { return sleeps(service); });
  router.add(Method::get, "/v1/sleeps/{id}", [&service, &nights](Request request) {
    return sleep_report(service, nights, static_cast<std::int64_t>(id_text(request.part("id"), "sleep")));
  });
}

}  // namespace dormouse::daemon
