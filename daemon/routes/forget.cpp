#include <boost/json/serialize.hpp>

#include "daemon/routes/json_fields.h"
#include "daemon/routes/latents.h"
#include "daemon/routes/routes.h"
#include "daemon/run_on.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

Response reply(const Forgotten& forgotten) {
  return json_response(json::serialize(
      json::object{{"episodes", forgotten.episodes.size()}, {"concepts", forgotten.concepts}}));
}

std::vector<memory::EpisodeId> ids_field(const json::value& value) {
  const json::array* array = value.if_array();
  if (!array) throw Failure(Errc::invalid, "ids: expected a list of episode ids");
  std::vector<memory::EpisodeId> ids;
  for (const json::value& id : *array) ids.push_back(id_field({{"ids", id}}, "ids"));
  return ids;
}

/// Euclidean distance within which two latents are alike: given, or as far as neighbours in a class lie
/// apart where that is known.
float within_field(const json::object& body, float typical) {
  const json::value* given = body.if_contains("within");
  if (!given && typical > 0) return typical;
  const float within = given && given->is_number() ? given->to_number<float>() : -1;
  if (!(within >= 0))
    throw Failure(Errc::invalid,
                  "within: expected a distance of 0 or more; needed where no seed says what is near");
  return within;
}

/// `like` is an object with "inputs", "vector" or "episode"; "inputs" may also stand in the body itself, so
/// that they can be binary.
asio::awaitable<memory::Selection::Near> like_field(Service& service, const Entry* entry,
                                                    const AnomalyStream* stream, TensorBody& body) {
  memory::Selection::Near near;
  near.within = within_field(body.json, entry ? entry->served.typical_distance : 0);
  if (const json::value* like = body.json.if_contains("like"); like && like->is_object()) {
    const json::object fields = like->get_object();  // one of them may be called "like"
    for (const auto& [key, value] : fields) body.json[key] = value;
  }
  auto latent = entry ? latent_of(service, *entry, body) : latent_of(service, *stream, body);
  near.latent = co_await std::move(latent);
  co_return near;
}

/// A night holds copies of what it learns from, and would bring it back in its weights.
void check_awake(const Nights& nights) {
  if (nights.asleep())
    throw Failure(Errc::conflict,
                  "a night is learning from memory; forget when it is over, or stop it first");
}

asio::awaitable<Forgotten> forget(Service& service, AnomalyStream* stream, const Nights& nights,
                                  memory::Selection selection, bool dry_run) {
  if (stream) return stream->forget(std::move(selection), dry_run);
  if (!dry_run) check_awake(nights);
  return service.forget(std::move(selection), dry_run);
}

asio::awaitable<Response> forget(Service& service, Streams& streams, const Nights& nights, Request request) {
  TensorBody body = decode_body(request);
  const std::string name = text_field(body.json, "model");
  AnomalyStream* const stream = streams.anomalies(name);
  const Entry* const entry = stream ? nullptr : &service.learning_model(name);
  const bool like = body.json.contains("like") || !body.inputs.empty();
  const bool label = body.json.contains("label"), before = body.json.contains("before"),
             ids = body.json.contains("ids");
  if (label + before + ids + like != 1)
    throw Failure(Errc::invalid, "say what to forget by one of 'label', 'before', 'ids' and 'like'");
  json::object conditions;
  for (const char* key : {"label", "before"})
    if (const json::value* given = body.json.if_contains(key)) conditions[key] = *given;
  memory::Selection selection = stream ? selection_of(conditions, *stream) : selection_of(conditions, *entry);
  if (ids) selection.ids = ids_field(body.json.at("ids"));
  if (like) selection.like = co_await like_field(service, entry, stream, body);
  auto forgotten = forget(service, stream, nights, std::move(selection), flag_field(body.json, "dry_run"));
  co_return reply(co_await std::move(forgotten));
}

asio::awaitable<Response> forget_one(Service& service, Streams& streams, const Nights& nights,
                                     Request request) {
  const memory::Episode episode = co_await episode_of(service, id_text(request.part("id"), "episode"));
  memory::Selection selection{.model = episode.model};
  selection.ids = {episode.id};
  auto forgotten = forget(service, streams.anomalies(episode.model), nights, std::move(selection), false);
  co_return reply(co_await std::move(forgotten));
}

}  // namespace

void add_forget_routes(Router& router, Service& service, Streams& streams, const Nights& nights) {
  router.add(
      Method::post, "/v1/forget",
      [&service, &streams, &nights](Request request) {
        return forget(service, streams, nights, std::move(request));
      },
      Role::admin);
  router.add(
      Method::del, "/v1/episodes/{id}",
      [&service, &streams, &nights](Request request) {
        return forget_one(service, streams, nights, std::move(request));
      },
      Role::admin);
}

}  // namespace dormouse::daemon
