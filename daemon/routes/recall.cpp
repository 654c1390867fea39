#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <map>

#include "daemon/routes/json_fields.h"
#include "daemon/routes/latents.h"
#include "daemon/routes/routes.h"
#include "daemon/run_on.h"
#include "daemon/service/describe.h"
#include "memory/cluster.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr std::size_t kMostRecalled = memory::VectorIndex::kMaxNeighbours;
constexpr std::size_t kConcepts = 5;
constexpr std::size_t kLinks = 3;  // a concept
constexpr double kGap = 60;        // seconds

/// What was asked for.
struct Query {
  std::string model;
  bool anomalies = false;  ///< of a stream of that name, which is in no index
  Served served;
  std::size_t k = 5;
  memory::Selection selection;
  std::vector<float> latent;                         ///< empty: the newest that the selection means
  std::optional<std::chrono::duration<double>> gap;  ///< also tell what came next
};

/// Found episodes: stored ones, or latents of the seed (id 0).
struct Found {
  memory::Match match;
  std::optional<memory::Episode> episode;
};

/// `stream`: the index's number of the selection's, if it names one.
memory::Filter filter_of(const memory::Selection& selection, const std::vector<std::string>& labels,
                         std::optional<std::uint32_t> stream) {
  memory::Filter filter;
  if (selection.label)
    filter.label = static_cast<std::uint32_t>(std::ranges::find(labels, *selection.label) - labels.begin());
  if (selection.after) filter.after = selection.after->time_since_epoch().count();
  if (selection.before) filter.before = selection.before->time_since_epoch().count();
  filter.version = selection.version;
  filter.stream = stream;
  return filter;
}

/// The nearest anomalies of a stream, by looking at each.
std::vector<Found> nearest_anomalies(const memory::Store& store, const Query& query) {
  std::vector<Found> found;
  store.each(query.model, [&](const memory::Episode& episode) {
    if (episode.latent.codes.size() != query.latent.size() || !query.selection.matches(episode)) return;
    const double apart =
        std::sqrt(memory::squared_distance(memory::dequantise(episode.latent), query.latent));
    found.push_back({{.id = episode.id, .distance = static_cast<float>(apart)}, episode});
  });
  const auto count = std::min(query.k, found.size());
  std::ranges::partial_sort(found, found.begin() + static_cast<std::ptrdiff_t>(count), {},
                            [](const Found& one) { return one.match.distance; });
  found.resize(count);
  return found;
}

std::vector<Found> search(Service& service, const Query& query) {
  std::vector<Found> found;
  if (query.anomalies && !query.latent.empty()) return nearest_anomalies(service.store(), query);
  if (query.latent.empty()) {
    for (memory::Episode& episode : service.store().newest(query.selection, query.k))
      found.push_back({{episode.id}, std::move(episode)});
  } else {
    std::optional<std::uint32_t> stream;
    if (query.selection.stream) {
      stream = service.learner(query.model).stream_number(*query.selection.stream);
      if (!stream) return found;
    }
    const auto filter = filter_of(query.selection, query.served.model->labels, stream);
    for (const memory::Match& match : query.served.index->search(query.latent, query.k, filter))
      found.push_back({match, match.id == 0 ? std::nullopt : service.store().find(match.id)});
  }
  return found;
}

json::object found_json(const Found& found, const Query& query) {
  json::object object;
  if (!query.latent.empty()) object["distance"] = found.match.distance;
  if (found.episode) {
    for (auto& [key, value] : describe(*found.episode)) object[key] = value;
  } else if (found.match.id == 0) {
    object["id"] = nullptr;
    object["label"] = query.served.model->labels.at(found.match.label);
    object["source"] = "seed";
  }
  return object;
}

json::array concepts_json(Service& service, const Query& query) {
  json::array concepts;
  const auto links = service.store().links(query.model);
  for (const memory::ConceptMatch& near : memory::nearest(*query.served.concepts, query.latent, kConcepts)) {
    json::array linked;
    for (const memory::Link& link : links)
      if (link.source == near.match->id && linked.size() < kLinks)
        linked.push_back({{"kind", word(link.kind)}, {"label", link.target_label}, {"weight", link.weight}});
    json::object one{{"label", near.match->label},
                     {"distance", near.distance},
                     {"spread", near.match->spread},
                     {"count", near.match->count}};
    if (!linked.empty()) one["links"] = std::move(linked);
    concepts.push_back(std::move(one));
  }
  return concepts;
}

/// What came after the found episodes, by label.
json::object next_json(const std::vector<memory::Successor>& successors, double gap) {
  std::map<std::string, std::size_t> counts;
  for (const memory::Successor& successor : successors) ++counts[successor.label];
  std::vector<std::pair<std::string, std::size_t>> order(counts.begin(), counts.end());
  std::ranges::stable_sort(order, std::greater{}, &std::pair<std::string, std::size_t>::second);
  json::array labels;
  for (const auto& [label, count] : order)
    labels.push_back({{"label", label},
                      {"count", count},
                      {"share", static_cast<double>(count) / static_cast<double>(successors.size())}});
  return {{"gap_seconds", gap}, {"followed", successors.size()}, {"labels", std::move(labels)}};
}

json::object answer(Service& service, const Query& query) {
  service.store().flush();  // what just happened counts
  const auto found = search(service, query);
  json::array episodes;
  std::vector<memory::EpisodeId> ids;
  for (const Found& one : found) {
    episodes.push_back(found_json(one, query));
    if (one.episode) ids.push_back(one.episode->id);
  }
  service.store().note_use(ids);
  json::object reply{{"episodes", std::move(episodes)}};
  reply["concepts"] = query.latent.empty() || query.anomalies ? json::array() : concepts_json(service, query);
  if (query.gap) {
    const auto gap = std::chrono::duration_cast<Clock::Wall::duration>(*query.gap);
    reply["next"] = next_json(service.store().next(ids, gap), query.gap->count());
  }
  return reply;
}

asio::awaitable<Response> recall_route(Service& service, Streams& streams, Request request) {
  TensorBody body = decode_body(request);
  Query query;
  query.model = body.json.contains("model") ? text_field(body.json, "model") : service.default_model();
  const AnomalyStream* const stream = streams.anomalies(query.model);
  const Entry* const entry = stream ? nullptr : &service.learning_model(query.model);
  query.anomalies = stream != nullptr;
  query.k = std::clamp<std::size_t>(id_field(body.json, "k", 5), 1, kMostRecalled);
  const json::value* filter = body.json.if_contains("filter");
  if (filter && !filter->is_object())
    throw Failure(Errc::invalid, "filter: expected an object with label, after, before, stream, version");
  const json::object conditions = filter ? filter->get_object() : json::object();
  query.selection = stream ? selection_of(conditions, *stream) : selection_of(conditions, *entry);
  if (flag_field(body.json, "next"))
    query.gap = std::chrono::duration<double>(seconds_field(body.json, "gap").value_or(kGap));
  if (names_latent(body) || !filter) {
    auto latent = stream ? latent_of(service, *stream, body) : latent_of(service, *entry, body);
    query.latent = co_await std::move(latent);
  }
  if (entry) query.served = entry->served;
  auto work = [&service, query] { return json::serialize(answer(service, query)); };
  co_return json_response(co_await run_on(service.storage(), std::move(work)));
}

}  // namespace

void add_recall_routes(Router& router, Service& service, Streams& streams) {
  router.add(Method::post, "/v1/recall", [&service, &streams](Request request) {
    return recall_route(service, streams, std::move(request));
  });
}

}  // namespace dormouse::daemon
