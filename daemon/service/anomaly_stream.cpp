#include "daemon/service/anomaly_stream.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>

#include "config/log.h"
#include "daemon/run_on.h"
#include "daemon/service/describe.h"
#include "learning/anomaly_spec.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::int64_t kRowsAtOnce = 256;    // judged before others get the thread
constexpr std::size_t kMostWaiting = 65536;  // rows
constexpr std::size_t kMostPast = 1000;      // anomalies that new ones are compared with
constexpr std::size_t kAlike = 3;            // that an event tells of

double rounded(double value) { return std::round(value * 1e4) / 1e4; }

double distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    sum += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
  return std::sqrt(sum);
}

json::object known_of(const learning::AnomalyDetector& detector) {
  return {{"alarms", detector.alarms()},
          {"missing", detector.missing()},
          {"samples", detector.samples()},
          {"warm_up", detector.warm_up()},
          {"false_alarms", detector.options().false_alarms}};
}

fs::path state_file(const Service& service, const std::string& name) {
  const fs::path folder = service.options().state / "streams";
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) throw Failure(Errc::io, folder.string() + ": cannot make this folder: " + failed.message());
  return folder / (name + ".safetensors");
}

}  // namespace

class AnomalyStream::Turn {
 public:
  explicit Turn(AnomalyStream& stream) : stream_(stream) { stream_.busy_ = true; }
  ~Turn() {
    stream_.known_ = known_of(stream_.detector_);
    stream_.busy_ = false;
    stream_.free_.cancel();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  AnomalyStream& stream_;
};

AnomalyStream::AnomalyStream(Service& service, const AnomalyStreamOptions& options)
    : service_(service),
      options_(options),
      file_(state_file(service, options.name)),
      detector_(learning::read_anomaly_spec(options.model), service.drivers()),
      events_(service.io().get_executor()),
      free_(service.io()),
      saved_(service.clock().now()) {
  free_.expires_at(asio::steady_timer::time_point::max());
  if (fs::exists(file_)) detector_.restore(engine::read_safetensors(file_.string()), file_.string());
  const std::size_t width = detector_.signature().size();
  service_.store().each(options_.name, [&](const memory::Episode& episode) {
    if (episode.latent.codes.size() != width) return;  // of another spec
    past_.push_back({episode.id, episode.time, episode.prediction, memory::dequantise(episode.latent)});
    if (past_.size() > kMostPast) past_.pop_front();
  });
  rows_ = detector_.samples();
  known_ = known_of(detector_);
}

AnomalyStream::~AnomalyStream() {
  if (!dirty_) return;
  try {
    write(detector_.state());
  } catch (const Failure& failure) {
    log(Level::error, "stream " + options_.name + ": not saved: " + failure.error().context);
  }
}

asio::awaitable<void> AnomalyStream::wait_for_turn() {
  while (busy_) {
    boost::system::error_code ignored;
    co_await free_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

asio::awaitable<Pushed> AnomalyStream::push(engine::Tensor rows, bool wait) {
  if (rows.shape().rank() != 2 || rows.shape()[1] != channels())
    throw Failure(Errc::invalid, "stream '" + options_.name + "': expected rows of " +
                                     std::to_string(channels()) + " channels, given " +
                                     to_string(rows.shape()));
  const auto count = static_cast<std::size_t>(rows.shape()[0]);
  Pushed pushed;
  if (!wait && waiting_ + count > kMostWaiting) {
    dropped_ += count;
    pushed.dropped = dropped_;
    co_return pushed;
  }
  waiting_ += count;
  struct Leave {
    std::size_t& waiting;
    std::size_t count;
    ~Leave() { waiting -= count; }
  };
  const Leave leave{waiting_, count};
  co_await wait_for_turn();
  const Turn turn(*this);
  for (std::int64_t first = 0; first < rows.shape()[0]; first += kRowsAtOnce) {
    const auto piece = rows.rows(first, std::min(kRowsAtOnce, rows.shape()[0] - first));
    std::vector<Event> found = co_await judge(piece);
    for (Event& event : found) {
      json::object one = co_await publish(std::move(event));
      if (wait) pushed.answers.push_back(std::move(one));
    }
  }
  pushed.accepted = count;
  pushed.dropped = dropped_;
  co_return pushed;
}

asio::awaitable<std::vector<AnomalyStream::Event>> AnomalyStream::judge(engine::Tensor rows) {
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
  co_return co_await run_on(service_.compute(), std::move(work));
}

asio::awaitable<json::object> AnomalyStream::publish(Event event) {
  const std::vector<memory::EpisodeId> ids = co_await service_.next_ids(1);
  json::object object{{"stream", options_.name},
                      {"row", event.row},
                      {"time", iso_time(service_.clock().wall())},
                      {"aspect", word(event.anomaly.aspect)},
                      {"channel", event.anomaly.channel},
                      {"score", rounded(event.anomaly.score)},
                      {"p_value", event.anomaly.p_value},
                      {"episode", ids[0]},
                      {"like", alike(event.signature)}};
  events_.publish(json::serialize(object), "anomaly");
  remember(event, ids[0]);
  co_return object;
}

json::array AnomalyStream::alike(const std::vector<float>& signature) const {
  std::vector<std::pair<double, const Past*>> near;
  for (const Past& past : past_) near.emplace_back(distance(signature, past.signature), &past);
  const auto count = static_cast<std::ptrdiff_t>(std::min(kAlike, near.size()));
  std::partial_sort(near.begin(), near.begin() + count, near.end());
  json::array array;
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    const auto& [apart, past] = near[static_cast<std::size_t>(i)];
    array.push_back(json::object{{"episode", past->id},
                                 {"time", iso_time(past->time)},
                                 {"aspect", past->kind},
                                 {"distance", rounded(apart)}});
  }
  return array;
}

void AnomalyStream::remember(const Event& event, memory::EpisodeId id) {
  memory::Episode episode;
  episode.id = id;
  episode.model = episode.stream = options_.name;
  episode.time = service_.clock().wall();
  episode.latent = memory::quantise(event.signature);
  episode.prediction = word(event.anomaly.aspect);
  episode.confidence = static_cast<float>(1 - event.anomaly.p_value);
  episode.novelty = 1;
  past_.push_back({id, episode.time, episode.prediction, event.signature});
  if (past_.size() > kMostPast) past_.pop_front();
  asio::post(service_.storage(), [this, episode = std::move(episode)] {
    try {
      service_.store().remember(episode);
    } catch (const Failure& failure) {
      log(Level::warning, "an anomaly was not remembered: " + failure.error().context);
    }
  });
}

json::object AnomalyStream::status() const {
  json::object status{{"rows", rows_}, {"dropped", dropped_}, {"remembered", past_.size()}};
  for (const auto& [key, value] : known_) status[key] = value;
  return status;
}

asio::awaitable<void> AnomalyStream::save_when_due() {
  if (!dirty_ || service_.clock().now() - saved_ < options_.save) co_return;
  saved_ = service_.clock().now();  // what fails is tried again when it is due again
  engine::NamedTensors state;
  {
    co_await wait_for_turn();
    const Turn turn(*this);
    auto copy = [this] { return detector_.state(); };
    state = co_await run_on(service_.compute(), std::move(copy));
    dirty_ = false;
  }
  auto work = [this, state = std::move(state)] { write(state); };
  try {
    co_await run_on(service_.storage(), std::move(work));
    co_return;
  } catch (const Failure& failure) {
    log(Level::warning, "stream " + options_.name + ": not saved: " + failure.error().context);
  }
  dirty_ = true;
}

void AnomalyStream::write(const engine::NamedTensors& state) const {
  engine::write_safetensors(file_.string(), state);
}

}  // namespace dormouse::daemon
