#include "daemon/service/anomaly_stream.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>

#include "config/log.h"
#include "daemon/run_on.h"
#include "daemon/service/class_labels.h"
#include "daemon/service/describe.h"
#include "learning/anomaly_spec.h"
#include "memory/cluster.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr std::size_t kMostPast = 1000;  // anomalies that new ones are compared with
constexpr std::size_t kAlike = 3;        // that an event tells of

json::object known_of(const learning::AnomalyDetector& detector) {
  return {{"alarms", detector.alarms()},
          {"missing", detector.missing()},
          {"samples", detector.samples()},
          {"warm_up", detector.warm_up()},
          {"false_alarms", detector.options().false_alarms}};
}

}  // namespace

AnomalyStream::AnomalyStream(Service& service, const KeptStreamOptions& options)
    : KeptStream(service, options), detector_(learning::read_anomaly_spec(options.model), service.drivers()) {
  if (const auto before = saved()) detector_.restore(*before, file().string());
  width_ = detector_.signature().size();
  service_.store().each(name(), [&](const memory::Episode& episode) {
    if (episode.latent.codes.size() != width_) return;  // of another spec
    past_.push_back(
        {episode.id, episode.time, episode.prediction, episode.label, memory::dequantise(episode.latent)});
    if (past_.size() > kMostPast) past_.pop_front();
  });
  rows_ = detector_.samples();
  turn_over();
}

void AnomalyStream::turn_over() { known_ = known_of(detector_); }

asio::awaitable<std::vector<json::object>> AnomalyStream::take(engine::Tensor rows, bool) {
  auto work = [this, rows, row = rows_] {
    std::vector<Event> found;
    const auto values = rows.values<float>();
    const auto width = static_cast<std::size_t>(rows.shape()[1]);
    for (std::size_t i = 0; i * width < values.size(); ++i) {
      const learning::Anomaly anomaly = detector_.observe(values.subspan(i * width, width));
      if (anomaly.begins) found.push_back({row + i, anomaly, detector_.signature()});
    }
    return found;
  };
  rows_ += static_cast<std::uint64_t>(rows.shape()[0]);
  dirty_ = true;
  std::vector<Event> found = co_await run_on(service_.compute(), std::move(work));
  std::vector<json::object> events;
  for (Event& event : found) {
    json::object one = co_await publish(std::move(event));
    events.push_back(std::move(one));
  }
  co_return events;
}

asio::awaitable<json::object> AnomalyStream::publish(Event event) {
  const std::vector<memory::EpisodeId> ids = co_await service_.next_ids(1);
  json::object object{{"stream", name()},
                      {"row", event.row},
                      {"time", iso_time(service_.clock().wall())},
                      {"aspect", word(event.anomaly.aspect)},
                      {"channel", event.anomaly.channel},
                      {"score", rounded(event.anomaly.score)},
                      {"p_value", event.anomaly.p_value},
                      {"episode", ids[0]},
                      {"like", alike(event.signature)}};
  events().publish(json::serialize(object), "anomaly");
  remember(event, ids[0]);
  co_return object;
}

json::array AnomalyStream::alike(const std::vector<float>& signature) const {
  std::vector<std::pair<double, const Past*>> near;
  for (const Past& past : past_)
    near.emplace_back(std::sqrt(memory::squared_distance(signature, past.signature)), &past);
  const auto count = static_cast<std::ptrdiff_t>(std::min(kAlike, near.size()));
  std::partial_sort(near.begin(), near.begin() + count, near.end());
  json::array array;
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    const auto& [apart, past] = near[static_cast<std::size_t>(i)];
    json::object one{{"episode", past->id},
                     {"time", iso_time(past->time)},
                     {"aspect", past->kind},
                     {"distance", rounded(apart)}};
    if (past->label) one["label"] = *past->label;
    array.push_back(std::move(one));
  }
  return array;
}

void AnomalyStream::remember(const Event& event, memory::EpisodeId id) {
  memory::Episode episode;
  episode.id = id;
  episode.model = episode.stream = name();
  episode.time = service_.clock().wall();
  episode.latent = memory::quantise(event.signature);
  episode.prediction = word(event.anomaly.aspect);
  episode.confidence = static_cast<float>(1 - event.anomaly.p_value);
  episode.novelty = 1;
  past_.push_back({id, episode.time, episode.prediction, std::nullopt, event.signature});
  if (past_.size() > kMostPast) past_.pop_front();
  asio::post(service_.storage(), [this, episode = std::move(episode)] {
    try {
      service_.store().remember(episode);
    } catch (const Failure& failure) {
      log(Level::warning, "an anomaly was not remembered: " + failure.error().context);
    }
  });
}

asio::awaitable<TaughtAnswer> AnomalyStream::teach(memory::EpisodeId id, std::string label) {
  auto work = [this, id, label] {
    memory::Store& store = service_.store();
    store.flush();
    const auto episode = store.find(id);
    if (!episode) throw Failure(store.why_missing(id));
    if (episode->model != name())
      throw Failure(Errc::invalid, "episode " + std::to_string(id) + ": it belongs to '" + episode->model +
                                       "', not to '" + name() + "'");
    check_label(label, store.labels(name()));
    return store.label(id, label);
  };
  const memory::Taught taught = co_await run_on(service_.storage(), std::move(work));
  const auto past = std::ranges::find(past_, id, &Past::id);
  if (past != past_.end()) past->label = label;
  co_return TaughtAnswer{id, label, taught.new_class, false};
}

asio::awaitable<Forgotten> AnomalyStream::forget(memory::Selection selection, bool dry_run) {
  const memory::EpisodeId newest = past_.empty() ? 0 : past_.back().id;
  auto work = [this, selection, dry_run] {
    memory::Store& store = service_.store();
    store.flush();
    Forgotten forgotten{store.select(selection), 0};
    if (!dry_run) store.forget(forgotten.episodes);
    return forgotten;
  };
  const Forgotten forgotten = co_await run_on(service_.storage(), std::move(work));
  if (dry_run) co_return forgotten;
  // Some that memory had let go already are compared with still.
  std::erase_if(past_, [&](const Past& past) {
    memory::Episode episode;
    episode.id = past.id;
    episode.model = episode.stream = name();
    episode.time = past.time;
    episode.prediction = past.kind;
    episode.label = past.label;
    episode.latent = memory::quantise(past.signature);
    return past.id <= newest && selection.matches(episode);
  });
  co_return forgotten;
}

json::object AnomalyStream::status() const {
  json::object status = KeptStream::status();
  status["remembered"] = past_.size();
  for (const auto& [key, value] : known_) status[key] = value;
  return status;
}

}  // namespace dormouse::daemon
