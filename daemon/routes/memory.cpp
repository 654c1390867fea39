#include <algorithm>
#include <boost/json/serialize.hpp>

#include "daemon/routes/json_fields.h"
#include "daemon/routes/latents.h"
#include "daemon/routes/routes.h"
#include "daemon/run_on.h"
#include "daemon/service/describe.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

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

json::object signals_json(const hrm::Signals& signals) {
  json::object object;
  for (std::size_t i = 0; i < signals.size(); ++i) object[hrm::kSignals[i]] = signals[i];
  return object;
}

/// What decided between the paths, and what an audit found.
void explain_routing(const Service& service, const RowAnswer& answer, memory::EpisodeId id,
                     json::object& object) {
  object["signals"] = signals_json(answer.signals);
  json::object gate{{"rule", word(answer.rule)}};
  if (answer.rule == hrm::Judge::Rule::certified) {
    gate["score"] = answer.score;
    gate["threshold"] = answer.threshold;
    gate["historic_error"] = rounded(double{answer.historic_error});
  }
  object["gate"] = std::move(gate);
  object["pressure"] = describe(answer.pressure);
  const auto verdict_json = [](const AuditVerdict& verdict) {
    if (!verdict.error.empty()) return json::object{{"error", verdict.error}};
    return json::object{
        {"high", verdict.label}, {"confidence", verdict.confidence}, {"agreed", verdict.agreed}};
  };
  if (answer.plan) object["planner"] = describe(*answer.plan);
  if (answer.provisional) {
    const AuditVerdict* finished = service.routing().finished(id);
    object["final"] = finished ? json::value(verdict_json(*finished)) : json::value("waits");
  }
  if (const AuditVerdict* verdict = service.routing().verdict(id)) {
    object["audit"] = verdict_json(*verdict);
  } else if (service.routing().awaits(id)) {
    object["audit"] = "waits";
  }
}

json::object explain(const RowAnswer& answer) {
  const std::vector<std::string>& labels = *answer.labels;
  const hrm::Explanation& why = answer.decision.why;
  json::object slow = head_json(answer.executor.slow, labels);
  if (const auto& pool = answer.executor.pool) {
    slow["network"] = head_json((*pool)[0], labels);
    slow["kernel"] = head_json((*pool)[1], labels);
  }
  json::object heads{{"slow", std::move(slow)}};
  if (answer.executor.fast) heads["fast"] = head_json(*answer.executor.fast, labels);
  json::object paths{{"low", percentages(answer.executor.probabilities, labels)}};
  if (!why.memory.empty()) paths["memory"] = percentages(why.memory, labels);
  if (!why.hybrid.empty()) paths["hybrid"] = percentages(why.hybrid, labels);
  if (!why.planner.empty()) paths["high"] = percentages(why.planner, labels);
  return {{"sentence", why.sentence},
          {"route", word(why.route)},
          {"answer", labels.at(answer.decision.predicted)},
          {"confidence", answer.decision.confidence},
          {"complexity", word(answer.complexity)},
          {"set", set_text(answer)},
          {"novelty", answer.novelty},
          {"agreed", answer.executor.agreed},
          {"heads", std::move(heads)},
          {"paths", std::move(paths)},
          {"thresholds",
           json::object{{"accept", why.accept}, {"mixing", why.mixing}, {"temperature", why.temperature}}}};
}

asio::awaitable<Response> why(Service& service, Request request) {
  const memory::EpisodeId id = id_text(request.part("id"), "episode");
  if (const PlanRecord* const plan = service.planning().find(id))
    co_return json_response(json::serialize(describe(*plan)));
  const memory::Episode episode = co_await episode_of(service, id);
  const Entry& entry = service.learning_model(episode.model);
  json::object object{{"episode", describe(episode)}};
  if (const RowAnswer* answer = service.explanation(id)) {
    for (auto& [key, value] : explain(*answer)) object[key] = value;
    explain_routing(service, *answer, id, object);
  } else {
    object["sentence"] = "The answer is too old to explain in full; what memory still knows of it is below.";
  }
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
  json::object object = describe(found);
  auto read = [&service, id = found.id] { return service.store().clip(id); };
  if (const auto clip = co_await run_on(service.storage(), std::move(read))) object["clip"] = describe(*clip);
  co_return json_response(json::serialize(object));
}

}  // namespace

void add_memory_routes(Router& router, Service& service) {
  router.add(Method::get, "/v1/episodes/{id}",
             [&service](Request request) { return episode(service, std::move(request)); });
  router.add(Method::get, "/v1/why/{id}",
             [&service](Request request) { return why(service, std::move(request)); });
}

}  // namespace dormouse::daemon
