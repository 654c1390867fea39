#include <algorithm>
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

constexpr std::size_t kMostRecalled = memory::VectorIndex::kMaxNeighbours;

std::vector<float> vector_field(const json::value& value, std::size_t width) {
  const json::array* array = value.if_array();
  if (!array || array->size() != width)
    throw Failure(Errc::invalid,
                  "vector: expected " + std::to_string(width) + " numbers, the size of the latent");
  std::vector<float> vector;
  for (const json::value& element : *array) {
    if (!element.is_number()) throw Failure(Errc::invalid, "vector: expected numbers");
    vector.push_back(element.to_number<float>());
  }
  return vector;
}

std::optional<memory::Episode> find_episode(Service& service, memory::EpisodeId id) {
  if (const memory::Inference* recent = service.recent(id)) return memory::to_episode(*recent);
  return std::nullopt;
}

asio::awaitable<memory::Episode> episode_of(Service& service, memory::EpisodeId id) {
  auto read = [&service, id] {
    const auto found = service.store().find(id);
    return std::pair(found, found ? Error() : service.store().why_missing(id));
  };
  const auto [stored, missing] = co_await run_on(service.storage(), std::move(read));
  if (stored) co_return *stored;
  if (const auto recent = find_episode(service, id)) co_return *recent;
  throw Failure(missing);
}

/// The latent that a recall starts from: given, of an episode, or of an input.
asio::awaitable<std::vector<float>> query_of(Service& service, const Entry& entry, TensorBody& body) {
  const std::string name = entry.parts->options.name;
  if (const json::value* vector = body.json.if_contains("vector"))
    co_return vector_field(*vector, entry.parts->learnable->latent_size);
  if (body.json.contains("episode")) {
    const memory::Episode episode = co_await episode_of(service, id_field(body.json, "episode"));
    if (episode.model != name)
      throw Failure(Errc::invalid, "episode: it belongs to model '" + episode.model + "'");
    co_return memory::dequantise(episode.latent);
  }
  if (body.inputs.empty())
    throw Failure(Errc::invalid, "give what to recall by: 'inputs', 'vector' or 'episode'");
  InferRequest inference;
  inference.inputs = std::move(body.inputs);
  auto inputs = inputs_of(*entry.parts, inference, clip_flag(body.json));
  const Answered answered = co_await service.infer(name, std::move(inputs), false);
  if (answered.result.rows.empty()) throw Failure(Errc::invalid, "inputs: the batch is empty");
  co_return answered.result.rows[0].latent;
}

memory::Filter filter_of(const json::object& body, const std::vector<std::string>& labels) {
  memory::Filter filter;
  const json::value* given = body.if_contains("filter");
  if (!given) return filter;
  if (!given->is_object())
    throw Failure(Errc::invalid, "filter: expected an object with label, after, before");
  const json::object& object = given->get_object();
  if (object.contains("label")) {
    const std::string label = text_field(object, "label");
    const auto found = std::ranges::find(labels, label);
    if (found == labels.end())
      throw Failure(Errc::not_found, "filter.label: no class is called '" + label + "'");
    filter.label = static_cast<std::uint32_t>(found - labels.begin());
  }
  // Seconds since 1970; the index keeps the clock's own ticks, which end before seconds do.
  constexpr auto latest = std::chrono::floor<std::chrono::seconds>(Clock::Wall::duration::max()).count();
  const auto ticks = [](std::uint64_t seconds) {
    const auto bounded = static_cast<std::int64_t>(std::min<std::uint64_t>(seconds, latest));
    return Clock::Wall(std::chrono::seconds(bounded)).time_since_epoch().count();
  };
  if (object.contains("after")) filter.after = ticks(id_field(object, "after"));
  if (object.contains("before")) filter.before = ticks(id_field(object, "before"));
  return filter;
}

json::object match_json(Service& service, const memory::Match& match,
                        const std::vector<std::string>& labels) {
  json::object object{{"distance", match.distance}};
  if (match.id == 0) {  // a latent of the seed memory
    object["id"] = nullptr;
    object["label"] = labels.at(match.label);
    object["source"] = "seed";
    return object;
  }
  if (const auto episode = service.store().find(match.id))
    for (auto& [key, value] : describe(*episode)) object[key] = value;
  return object;
}

asio::awaitable<Response> recall_route(Service& service, Request request) {
  TensorBody body = decode_body(request);
  const std::string name = text_field(body.json, "model", service.models().begin()->first);
  const Entry& entry = service.learning_model(name);
  const auto k = std::clamp<std::size_t>(id_field(body.json, "k", 5), 1, kMostRecalled);
  const memory::Filter filter = filter_of(body.json, entry.served.model->labels);
  const std::vector<float> query = co_await query_of(service, entry, body);
  auto work = [&service, served = entry.served, query, k, filter] {
    const Recalled recalled = recall(served, query, k, filter);
    json::array episodes, concepts;
    for (const memory::Match& match : recalled.matches)
      episodes.push_back(match_json(service, match, served.model->labels));
    for (const hrm::PrototypeDistance& near : recalled.concepts)
      concepts.push_back({{"label", served.model->labels.at(near.label)},
                          {"distance", near.distance},
                          {"spread", near.spread}});
    return json::serialize(json::object{{"episodes", episodes}, {"concepts", concepts}});
  };
  co_return json_response(co_await run_on(service.storage(), std::move(work)));
}

json::array percentages(const std::vector<float>& probabilities, const std::vector<std::string>& labels) {
  std::vector<std::size_t> order(probabilities.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, std::greater{}, [&](std::size_t i) { return probabilities[i]; });
  json::array list;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, order.size()); ++i)
    list.push_back({{"label", labels.at(order[i])}, {"probability", probabilities[order[i]]}});
  return list;
}

json::object head_json(const engine::Opinion& opinion, const std::vector<std::string>& labels) {
  return {{"label", labels.at(opinion.predicted)},
          {"confidence", opinion.confidence},
          {"weight", opinion.weight}};
}

json::object explain(const RowAnswer& answer, const std::vector<std::string>& labels) {
  const hrm::Explanation& why = answer.decision.why;
  json::object heads{{"slow", head_json(answer.executor.slow, labels)}};
  if (answer.executor.fast) heads["fast"] = head_json(*answer.executor.fast, labels);
  json::object paths{{"low", percentages(answer.executor.probabilities, labels)}};
  if (!why.memory.empty()) paths["memory"] = percentages(why.memory, labels);
  if (!why.hybrid.empty()) paths["hybrid"] = percentages(why.hybrid, labels);
  if (!why.planner.empty()) paths["high"] = percentages(why.planner, labels);
  return {{"sentence", why.sentence},
          {"route", word(why.route)},
          {"answer", labels.at(answer.decision.predicted)},
          {"confidence", answer.decision.confidence},
          {"novelty", answer.novelty},
          {"agreed", answer.executor.agreed},
          {"heads", std::move(heads)},
          {"paths", std::move(paths)},
          {"thresholds", json::object{{"accept", why.accept}, {"mixing", why.mixing}}}};
}

asio::awaitable<Response> why(Service& service, Request request) {
  const memory::EpisodeId id = id_text(request.part("id"), "episode");
  const memory::Episode episode = co_await episode_of(service, id);
  const Entry& entry = service.learning_model(episode.model);
  json::object object{{"episode", describe(episode)}};
  if (const RowAnswer* answer = service.explanation(id))
    for (auto& [key, value] : explain(*answer, entry.served.model->labels)) object[key] = value;
  else
    object["sentence"] = "The answer is too old to explain in full; what memory still knows of it is below.";
  auto neighbours = [&service, served = entry.served, latent = memory::dequantise(episode.latent), id] {
    json::array list;
    for (const memory::Match& match : recall(served, latent, 6).matches)
      if (match.id != id && list.size() < 5) list.push_back(match_json(service, match, served.model->labels));
    return list;
  };
  object["neighbours"] = co_await run_on(service.storage(), std::move(neighbours));
  co_return json_response(json::serialize(object));
}

asio::awaitable<Response> episode(Service& service, Request request) {
  const memory::Episode found = co_await episode_of(service, id_text(request.part("id"), "episode"));
  co_return json_response(json::serialize(describe(found)));
}

}  // namespace

void add_memory_routes(Router& router, Service& service) {
  router.add(Method::post, "/v1/recall",
             [&service](Request request) { return recall_route(service, std::move(request)); });
  router.add(Method::get, "/v1/episodes/{id}",
             [&service](Request request) { return episode(service, std::move(request)); });
  router.add(Method::get, "/v1/why/{id}",
             [&service](Request request) { return why(service, std::move(request)); });
}

}  // namespace dormouse::daemon
