#include <boost/json/serialize.hpp>

#include "daemon/oip/codec.h"
#include "daemon/routes/json_fields.h"
#include "daemon/routes/routes.h"
#include "daemon/routes/version_list.h"
#include "daemon/run_on.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

Response reply(const TaughtAnswer& taught) {
  return json_response(json::serialize(json::object{{"episode", taught.episode},
                                                    {"label", taught.label},
                                                    {"new_class", taught.new_class},
                                                    {"held_out", taught.held_out}}));
}

/// An anomaly is named by its episode alone.
asio::awaitable<Response> feedback(AnomalyStream& stream, Request request) {
  const TensorBody body = decode_body(request);
  const std::string label = text_field(body.json, "label");
  if (!body.inputs.empty())
    throw Failure(Errc::invalid, "stream '" + stream.name() + "': an anomaly is named by its 'episode'");
  co_return reply(co_await stream.teach(id_field(body.json, "episode"), label));
}

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
  co_return reply(co_await service.teach(name, id, label));
}

asio::awaitable<Response> versions(Service& service, Request request) {
  const std::string name = request.part("m");
  const std::int64_t active = service.learning_model(name).served.model->version;
  auto read = [&service, name, active] {
    return json::serialize(version_list(service.store(), name, active));
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

asio::awaitable<Response> reset_router(Service& service, Request request) {
  const std::string name = request.part("m");
  service.model(name);
  service.routing().reset(name);
  co_return json_response(json::serialize(json::object{{"model", name}, {"router", "reset"}}));
}

}  // namespace

void add_learning_routes(Router& router, Service& service, Streams& streams) {
  router.add(Method::post, "/v1/models/{m}/feedback", [&service, &streams](Request request) {
    AnomalyStream* const stream = streams.anomalies(request.part("m"));
    return stream ? feedback(*stream, std::move(request)) : feedback(service, std::move(request));
  });
  router.add(Method::get, "/v1/models/{m}/versions",
             [&service](Request request) { return versions(service, std::move(request)); });
  router.add(
      Method::post, "/v1/models/{m}/rollback",
      [&service](Request request) { return rollback(service, std::move(request)); }, Role::admin);
  router.add(
      Method::post, "/v1/models/{m}/router/reset",
      [&service](Request request) { return reset_router(service, std::move(request)); }, Role::admin);
}

}  // namespace dormouse::daemon
