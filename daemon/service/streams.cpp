#include "daemon/service/streams.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>

#include "daemon/run_on.h"
#include "daemon/service/describe.h"
#include "daemon/service/stream_watch.h"
#include "memory/working.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr std::size_t kWindowsKept = 8;

}  // namespace

struct Streams::Stream {
  Stream(std::string model, const StreamOptions& options, const engine::WindowShape& shape,
         asio::io_context& io)
      : name(std::move(model)),
        window(static_cast<std::size_t>(shape.rows)),
        hop(options.hop > 0 ? static_cast<std::size_t>(options.hop) : window),
        rate(options.rate),
        ring(static_cast<std::size_t>(shape.channels), kWindowsKept * window + hop),
        answers(io.get_executor()),
        free(io) {
    free.expires_at(asio::steady_timer::time_point::max());
    if (options.novelty) watch.emplace(ring.channels());
  }

  std::string name;
  std::size_t window;
  std::size_t hop;
  double rate;
  memory::SampleRing ring;
  EventStream answers;
  asio::steady_timer free;  ///< cancelled when whoever answers windows is done
  bool busy = false;
  std::uint64_t rows = 0;
  std::uint64_t windows = 0;
  std::uint64_t alarms = 0;
  std::size_t fresh = 0;  ///< rows pushed since the last window ended
  std::size_t skip = 0;   ///< rows yet to come that a hop longer than a window leaves out

  std::optional<StreamWatch> watch;
  std::size_t watched = 0;  ///< of the ring's oldest rows, so many were watched with an earlier window

  /// Lets go of so many rows, some of which may not have come yet.
  void advance(std::size_t step) {
    const std::size_t here = std::min(step, ring.available());
    ring.consume(here);
    watched -= std::min(here, watched);
    skip = step - here;
  }
};

Streams::Streams(Service& service) : service_(service) {
  for (const auto& [name, entry] : service.models())
    if (const auto& options = entry.parts->options.stream)
      streams_.emplace(name, std::make_unique<Stream>(name, *options, *entry.parts->window, service.io()));
  for (const AnomalyStreamOptions& options : service.options().streams)
    anomalies_.emplace(options.name, std::make_unique<AnomalyStream>(service, options));
}

Streams::~Streams() = default;

Streams::Stream& Streams::find(const std::string& name) const {
  const auto found = streams_.find(name);
  if (found != streams_.end()) return *found->second;
  throw Failure(Errc::not_found, "no stream is called '" + name +
                                     "'; a model becomes one by a 'stream' section in the "
                                     "configuration, a detector of anomalies by an entry in 'streams'");
}

std::int64_t Streams::channels(const std::string& name) const {
  if (const auto found = anomalies_.find(name); found != anomalies_.end()) return found->second->channels();
  return static_cast<std::int64_t>(find(name).ring.channels());
}

std::shared_ptr<Subscriber> Streams::subscribe(const std::string& name) {
  if (const auto found = anomalies_.find(name); found != anomalies_.end()) return found->second->subscribe();
  return find(name).answers.subscribe();
}

asio::awaitable<Pushed> Streams::push(std::string name, engine::Tensor rows, bool wait, bool end) {
  if (const auto found = anomalies_.find(name); found != anomalies_.end()) {
    auto judged = found->second->push(std::move(rows), wait);
    co_return co_await std::move(judged);
  }
  Stream& stream = find(name);
  const auto channels = stream.ring.channels();
  if (rows.shape().rank() != 2 || rows.shape()[1] != static_cast<std::int64_t>(channels))
    throw Failure(Errc::invalid, "stream '" + name + "': expected rows of " + std::to_string(channels) +
                                     " channels, given " + to_string(rows.shape()));
  std::span<const float> left = rows.values<float>();
  Pushed pushed;
  do {
    // One that waits offers no more than there is room for, so that nothing counts as dropped.
    const std::size_t room = (stream.ring.capacity() - stream.ring.available()) * channels;
    const std::size_t taken = stream.ring.push(wait ? left.first(std::min(left.size(), room)) : left);
    left = left.subspan(taken * channels);
    pushed.accepted += taken;
    stream.rows += taken;
    stream.fresh += taken;
    if (stream.skip > 0) stream.advance(stream.skip);
    const bool last = left.empty() || !wait;
    co_await answer_windows(stream, end && last, wait ? &pushed.answers : nullptr);
  } while (wait && !left.empty());
  pushed.dropped = stream.ring.dropped();
  co_return pushed;
}

asio::awaitable<void> Streams::answer_windows(Stream& stream, bool end, std::vector<json::object>* answers) {
  while (stream.busy) {  // windows are answered in order, by one push at a time
    boost::system::error_code ignored;
    co_await stream.free.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  struct Turn {
    Stream& stream;
    explicit Turn(Stream& s) : stream(s) { stream.busy = true; }
    ~Turn() {
      stream.busy = false;
      stream.free.cancel();
    }
  };
  const Turn turn(stream);
  const Entry& entry = service_.model(stream.name);
  while (true) {
    const std::size_t there = stream.ring.available();
    const bool whole = there >= stream.window;
    if (!whole && !(end && there > 0 && stream.fresh > 0)) break;
    const std::size_t length = whole ? stream.window : there;
    engine::Tensor clip(engine::DType::f32, engine::Shape{static_cast<std::int64_t>(length),
                                                          static_cast<std::int64_t>(stream.ring.channels())});
    ensure(stream.ring.peek(clip.mutable_values<float>()), "the rows are there");
    const std::size_t seen = std::exchange(stream.watched, length);
    stream.fresh = whole ? there - std::min(there, std::max(stream.window, stream.hop)) : 0;
    stream.advance(whole ? stream.hop : there);
    const std::optional<StreamNews> news = co_await watch(stream, clip, seen);
    std::vector<engine::Tensor> inputs{clip_input(*entry.parts, clip)};
    Origin origin{stream.name, news ? news->importance(Service::kNovel) : 0};
    auto work = service_.infer(stream.name, std::move(inputs), true, std::move(origin), Urgency());
    const Answered answered = co_await std::move(work);
    json::object answer = describe(answered, 0);
    answer["stream"] = stream.name;
    answer["window"] = stream.windows++;
    if (!whole) answer["partial"] = true;
    if (news) answer["stream_novelty"] = describe(*news);
    stream.answers.publish(json::serialize(answer));
    if (news && news->novelty.alarm) {
      ++stream.alarms;
      stream.answers.publish(json::serialize(answer), "novelty");
    }
    if (answers) answers->push_back(std::move(answer));
  }
  if (end) {
    stream.ring.consume(stream.ring.available());
    stream.fresh = stream.skip = stream.watched = 0;
  }
}

/// The most unusual of the clip's rows from `seen` on, the row counted from the clip's first; away from the
/// io thread, since a window may be long. Nothing when the stream is not watched.
asio::awaitable<std::optional<StreamNews>> Streams::watch(Stream& stream, engine::Tensor clip,
                                                          std::size_t seen) {
  if (!stream.watch) co_return std::nullopt;
  auto work = [&watch = *stream.watch, clip, seen] {
    const auto values = clip.values<float>();
    const std::size_t channels = values.size() / static_cast<std::size_t>(clip.shape()[0]);
    auto news = watch.observe(values.subspan(std::min(seen * channels, values.size())));
    if (news) news->row += seen;
    return news;
  };
  co_return co_await run_on(service_.compute(), std::move(work));
}

json::object Streams::status() const {
  json::object all;
  for (const auto& [name, stream] : streams_) {
    json::object one{{"rows", stream->rows},       {"dropped", stream->ring.dropped()},
                     {"windows", stream->windows}, {"window", stream->window},
                     {"hop", stream->hop},         {"rate", stream->rate}};
    if (stream->watch) one["alarms"] = stream->alarms;
    all[name] = std::move(one);
  }
  for (const auto& [name, stream] : anomalies_) all[name] = stream->status();
  return all;
}

asio::awaitable<void> Streams::save_when_due() {
  for (const auto& [name, stream] : anomalies_) co_await stream->save_when_due();
}

void Streams::close() {
  for (const auto& [name, stream] : streams_) stream->answers.close();
  for (const auto& [name, stream] : anomalies_) stream->close();
}

}  // namespace dormouse::daemon
